//! A verb's own arguments: a command made from its params.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::{Arg, ArgAction, ArgMatches, builder::PossibleValuesParser};

use crate::plan::Given;
use crate::value::Bytes;
use crate::workflow::{Param, ValueType, Workflow};

/// The verb's name and what follows it.
pub(super) fn split(words: &[OsString]) -> (String, &[OsString]) {
    let (verb, rest) = words.split_first().map_or((None, words), |(verb, rest)| (Some(verb), rest));
    (verb.map(|v| v.to_string_lossy().into_owned()).unwrap_or_default(), rest)
}

/// Reads a verb's arguments; the options of the command before it may stand among them. The error is clap's, help
/// included.
pub(super) fn parse<Options: clap::Args>(
    workflow: &Workflow,
    words: &[OsString],
    before: &str,
) -> Result<(Given, Options), clap::Error> {
    let matches = command::<Options>(workflow, before).try_get_matches_from(words)?;
    let options = Options::from_arg_matches(&matches)?;
    let given = workflow.params.iter().filter_map(|param| given(param, &matches)).collect();
    Ok((given, options))
}

fn command<Options: clap::Args>(workflow: &Workflow, before: &str) -> clap::Command {
    let about = workflow.description.as_ref().or(workflow.trigger.as_ref());
    let mut command = clap::Command::new(format!("ostler {before} {}", workflow.id.value))
        .no_binary_name(true)
        .next_help_heading("Params");
    for param in &workflow.params {
        command = command.arg(arg(param));
    }
    command = Options::augment_args(command.next_help_heading(None::<&str>));
    command.about(about.cloned().unwrap_or_default())
}

fn arg(param: &Param) -> Arg {
    let name = param.name.to_string();
    let mut arg = Arg::new(name.clone());
    let mut help = param.help.clone().unwrap_or_default();
    if let Some(default) = &param.default {
        let shown = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        help = format!("{help}{}[default: {shown}]", if help.is_empty() { "" } else { " " });
    }
    let flag = param.kind.of == ValueType::Bool && !param.kind.list;
    if param.positional {
        arg = arg.required(param.default.is_none());
    } else {
        arg = arg.long(name);
    }
    arg = match (flag, param.kind.list) {
        (true, _) => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(["true", "false"])
            .hide_possible_values(true),
        (_, true) if param.positional => arg.action(ArgAction::Append).num_args(0..),
        (_, true) => arg.action(ArgAction::Append),
        (_, false) => arg.action(ArgAction::Set),
    };
    if param.kind.of == ValueType::Enum {
        let values: Vec<String> = param.values.iter().map(|v| v.value.clone()).collect();
        arg = arg.value_parser(PossibleValuesParser::new(values));
    } else if !flag {
        arg = arg.value_parser(clap::value_parser!(OsString));
    }
    if matches!(param.kind.of, ValueType::Int | ValueType::Number) {
        arg = arg.allow_negative_numbers(true);
    }
    if !flag {
        let usual =
            if param.positional { param.name.to_string() } else { param.kind.of.to_string() };
        let metavar = param.metavar.clone().unwrap_or_else(|| usual.to_uppercase());
        arg = arg.value_name(metavar);
    }
    arg.help(help)
}

/// What was given for a param.
fn given(param: &Param, matches: &ArgMatches) -> Option<(String, Vec<Bytes>)> {
    let name = param.name.as_str();
    if matches.value_source(name) != Some(clap::parser::ValueSource::CommandLine) {
        return None;
    }
    let raw = matches.get_raw(name)?;
    Some((name.to_owned(), raw.map(|value| Bytes(value.to_owned().into_vec())).collect()))
}
