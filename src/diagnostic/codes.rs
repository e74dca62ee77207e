//! The table of diagnostic codes: each is stable, and never reused for another problem.
//!
//! A new code is a line here and a page in `codes/`, in the form of the others.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Severity;

macro_rules! codes {
    ($($variant:ident $text:literal $severity:ident $title:literal;)*) => {
        /// A problem's stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as it is shown.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// What the code stands for, in one line.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }

            /// Whether it keeps a workflow from running.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),* }
            }

            /// Its page, as it is written: a code without one does not compile.
            pub(super) fn page(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("codes/", $text, ".md"))),* }
            }
        }
    };
}

codes! {
    File "E0101" Error "a workflow file cannot be read, is too large, or is not UTF-8";
    Syntax "E0102" Error "the file does not follow the syntax of its language";
    UnknownField "E0103" Error "a field that the format does not have";
    MissingField "E0104" Error "a field that must be given is not";
    WrongType "E0105" Error "a value of the wrong type";
    WrongTag "E0106" Error "a word that is none of those allowed there";
    BadName "E0107" Error "a text that cannot be a name";
    BadValue "E0108" Error "a value of the right type that makes no sense there";
    NotYet "E0109" Error "a field of the format that this version does not run yet";
    FileName "E0110" Error "a workflow's id differs from its file's name";
    NickelType "E0111" Error "a Nickel program that does not type-check";
    NickelValue "E0112" Error "a Nickel program that fails when it is evaluated, or breaks a contract";
    Import "E0113" Error "an import that cannot be read";
    Limit "E0114" Error "a file that takes more time, memory or depth than a workflow may";
    DuplicateId "E0201" Error "two things of the same kind have the same id";
    UnknownStep "E0202" Error "a reference to a step that does not exist";
    Cycle "E0203" Error "steps wait for each other in a circle";
    BadTarget "E0204" Error "a Fallback or Branch target that cannot serve as one";
    Unreachable "E0205" Error "a step that can never run";
    AcrossFinally "E0206" Error "an edge between a step and a `finally` step";
    BadRelease "E0207" Error "`release` names something that is not a releaser";
    TwoActions "E0208" Error "a step that says more than one thing to run";
    NoParent "E0209" Error "a level strategy without a parent that it could apply to";
    UnknownVerb "E0215" Error "a call of a verb that does not exist";
    CallCycle "E0216" Error "verbs that call each other in a circle, or too deep";
    BadCall "E0217" Error "a call that does not fit the verb it calls";
    BadParam "E0301" Error "a param whose declaration contradicts itself";
    UnknownName "E0302" Error "a name in a placeholder or group that is not declared";
    NoPlaceholder "E0303" Error "a placeholder where none may stand";
    MaybeMissing "E0304" Error "an output that may not exist when it is used, without a default";
    ForeignTemplate "E0305" Error "template syntax of another system";
    TooLarge "E0306" Error "a text too large to be handed to a command";
    Contradiction "E0401" Error "options that contradict each other";
    WeakExpect "E0402" Error "an expectation that proves nothing";
    BadRegex "E0403" Error "a regular expression that does not compile";
    BadSecret "E0404" Error "a variable that cannot hold a secret";
    OwnVariable "E0405" Error "a variable in `env` that is Ostler's own";
    BadExpression "E0501" Error "a CEL expression that does not parse";
    UnknownVariable "E0502" Error "a name in a CEL expression that does not exist";
    BadTypes "E0503" Error "an operation in a CEL expression that its operands cannot have";
    NeverEqual "E0504" Error "a comparison in a CEL expression that always comes out the same";
    NotEnded "E0505" Error "a condition over a step that may not have ended by then";
    BadAddress "E0701" Error "an address, user or jump that cannot be given to ssh";
    JumpCircle "E0702" Error "hosts that are reached by jumping over each other in a circle";
    UnknownHost "E0703" Error "a host or selector that the fleet has nothing for";
    BuiltinName "W0601" Warning "a verb with the name of a built-in command";
    LooksLikeCommand "W0602" Warning "prose that looks like a command: it is never executed";
    StrayKey "W0603" Warning "a workflow's key that TOML gives to the last step";
    PipelineInSh "W0604" Warning "a pipeline under `sh`, which hides the failure of all but its last part";
    BareOperand "W0605" Warning "a placeholder that a command could take for an option";
    NearMiss "W0606" Warning "text in braces that is nearly a declared name, or a shell variable that should be one";
    UnreadShell "W0607" Warning "shell text that was not understood, and so is not checked";
    NoStrategy "W0609" Warning "a verb that a workspace above has too, without a strategy";
    RunsNothing "W0610" Warning "a step that has nothing to run, and says nobody who does it";
    SecretText "W0611" Warning "a secret's name in braces, where no value comes";
}

impl Code {
    /// The code with this name, in capitals or not.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(name))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let known = Self::ALL.iter().find(|code| code.as_str() == text);
        known.copied().ok_or_else(|| serde::de::Error::custom(format!("no code {text}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_their_letter_is_their_severity() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            let letter = if code.severity() == Severity::Error { 'E' } else { 'W' };
            assert!(code.as_str().starts_with(letter), "{}", code.as_str());
        }
    }
}
