//! The types of placeholders and of texts that hold them, and which may be given where which are wanted.

use super::{all_steps, fan, values};
use crate::expr::Ref;
use crate::expr::template::{HostField, Part, Placeholder, StepField};
use crate::workflow::{Names, ParamType, ValueType, Workflow};

const TEXT: ParamType = ParamType { of: ValueType::String, list: false };

/// The type of a placeholder's value; none of what does not exist.
pub(super) fn of(workflow: &Workflow, found: &Placeholder) -> Option<ParamType> {
    let plain = |of| Some(ParamType { of, list: false });
    let kind = match &found.to {
        Ref::Param(name) => {
            let kind = workflow.params.iter().find(|p| p.name.value == *name)?.kind;
            ParamType { list: kind.list || kind.of == ValueType::Glob, ..kind }
        }
        Ref::Output(step, name) => {
            let step = all_steps(workflow).find(|s| s.id.value == *step)?;
            if fan::fans_out(step) {
                // A map by item.
                return plain(ValueType::Json);
            }
            step.outputs.iter().find(|(output, _)| output.value == *name)?.1.kind
        }
        Ref::Field(_, StepField::Exit) | Ref::Attempt => return plain(ValueType::Int),
        Ref::Field(_, StepField::DurationS) => return plain(ValueType::Number),
        Ref::Host(HostField::Name) | Ref::ParamHost(_, HostField::Name) => {
            return plain(ValueType::Host);
        }
        Ref::Host(HostField::Port) | Ref::ParamHost(_, HostField::Port) => {
            return plain(ValueType::Int);
        }
        Ref::Field(..) | Ref::RunId | Ref::Host(_) | Ref::ParamHost(..) => return Some(TEXT),
        // Each may be of a type of its own.
        Ref::Item(_) => return None,
    };
    let fits = |text: &String| !kind.list && values::from_text(kind, text).is_ok();
    Some(if found.default.as_ref().is_none_or(fits) { kind } else { TEXT })
}

/// The type of a text: a lone placeholder's own, else text.
pub(super) fn of_text(workflow: &Workflow, names: &Names<'_>, text: &str) -> ParamType {
    let parsed = names.template(text).unwrap_or_default();
    match parsed.0.as_slice() {
        [Part::Ref(found)] => of(workflow, found).unwrap_or(TEXT),
        _ => TEXT,
    }
}

/// Whether a value of one type is one of another.
pub(super) fn is_taken(from: ParamType, to: ParamType) -> bool {
    use ValueType::{Bool, Enum, Glob, Int, Json, Number, Path, String};
    if to.of == Json && !to.list {
        return true;
    }
    let text = !matches!(from.of, Bool | Int | Number | Json);
    let same = from.of == to.of
        || matches!((from.of, to.of), (Int, Number) | (_, Json))
        || (text && matches!(to.of, String | Path | Glob | Enum));
    from.list == to.list && same
}

/// Whether a value of one type can be given to a param of another: a param that is text takes the text of any value.
pub(super) fn is_given(from: ParamType, to: ParamType) -> bool {
    let text = matches!(to.of, ValueType::String | ValueType::Path | ValueType::Glob);
    let same = match to.of {
        // Only its own words, which are known of another enum.
        ValueType::Enum => from.of == ValueType::Enum,
        _ => is_taken(ParamType { list: false, ..from }, ParamType { list: false, ..to }),
    };
    let alike = same || (text && from.of != ValueType::Json);
    // A pattern becomes a list by itself.
    alike && (from.list == to.list)
}
