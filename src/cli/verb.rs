//! A verb's own arguments: a command made from its params.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, ValueHint};

use crate::plan::Given;
use crate::value::Bytes;
use crate::workflow::{Param, ValueType, Workflow};

/// Reads a verb's arguments; the options of the command before it may stand among them. The error is clap's, help
/// included.
pub(super) fn parse<Options: clap::Args>(
    workflow: &Workflow,
    words: &[OsString],
    before: &str,
) -> Result<(Given, Options), clap::Error> {
    let about = workflow.description.as_ref().or(workflow.trigger.as_ref());
    let name = format!("{before} {}", workflow.id.value);
    let command = command::<Options>(&name, about.map(String::as_str), &workflow.params);
    let matches = command.no_binary_name(true).try_get_matches_from(words);
    let matches = matches.map_err(|error| super::usage::better(error, workflow, before))?;
    let options = Options::from_arg_matches(&matches)?;
    let given = workflow.params.iter().filter_map(|param| given(param, &matches)).collect();
    Ok((given, options))
}

/// The command that a verb is, with the options that stand among its params.
pub(super) fn command<Options: clap::Args>(
    name: &str,
    about: Option<&str>,
    params: &[Param],
) -> clap::Command {
    let command = clap::Command::new(name.to_owned()).disable_help_flag(true);
    let command = params
        .iter()
        .fold(command, |command, param| command.arg(arg(param).help_heading("Params")));
    let help =
        Arg::new("help").short('h').long("help").action(ArgAction::HelpShort).help("Print this");
    let command = command.next_help_heading("Options");
    let command = Options::augment_args(command).arg(help);
    // A param of the same name is what the caller of the verb means; the option can still stand before the verb.
    let is_option =
        |param: &&Param| command.get_arguments().any(|arg| arg.get_id() == param.name.as_str());
    let taken: Vec<&Param> = params.iter().filter(is_option).collect();
    let command = taken.iter().fold(command, |command, param| {
        let name = param.name.to_string();
        command.mut_arg(&name, |option| option.long(format!("run-{name}")).hide(true))
    });
    // Last, since the options bring a text of their own.
    command.about(about.unwrap_or_default().to_owned())
}

/// What a param is called among the arguments: like none of our options.
fn id(param: &Param) -> String {
    format!("param {}", param.name.as_str())
}

fn arg(param: &Param) -> Arg {
    let name = param.name.to_string();
    let mut arg = Arg::new(id(param));
    let mut help = param.help.clone().unwrap_or_default();
    let mut say = |what: &str| {
        help = format!("{help}{}{what}", if help.is_empty() { "" } else { " " });
    };
    if let Some(default) = &param.default {
        let shown = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        say(&format!("[default: {shown}]"));
    }
    if !param.positional && param.kind.list {
        say("[may be given again]");
    }
    if !param.positional && param.is_required() {
        say("[required]");
    }
    let flag = param.kind.of == ValueType::Bool && !param.kind.list;
    arg = arg.required(param.is_required());
    if !param.positional {
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
    arg = arg.value_name(if flag { "true|false".to_owned() } else { param.value_name() });
    if param.kind.of == ValueType::Host {
        arg = arg.add(super::completion::hosts());
    }
    let hint = match param.kind.of {
        ValueType::Path | ValueType::Glob => ValueHint::AnyPath,
        _ => ValueHint::Other,
    };
    arg.help(help).value_hint(hint)
}

/// What was given for a param.
fn given(param: &Param, matches: &ArgMatches) -> Option<(String, Vec<Bytes>)> {
    let (name, id) = (param.name.as_str(), id(param));
    if matches.value_source(&id) != Some(clap::parser::ValueSource::CommandLine) {
        return None;
    }
    let raw = matches.get_raw(&id)?;
    Some((name.to_owned(), raw.map(|value| Bytes(value.to_owned().into_vec())).collect()))
}
