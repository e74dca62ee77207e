//! What people of other tools write, and the field or word that is meant here.

/// Names of other tools, the field that is meant, and how it is written where the name alone does not say it.
type Habit = (&'static [&'static str], &'static str, &'static str);

const STEP: &[Habit] = &[
    (&["run", "command", "commands", "script_text", "shell_command", "exec"], "cmd", ""),
    (&["name", "title"], "id", ""),
    (
        &["deps", "depends", "dependencies", "after", "requires_steps", "depend"],
        "needs",
        "needs = [\"other-step\"]",
    ),
    (
        &["dir", "workdir", "working_dir", "working_directory", "working-directory", "chdir"],
        "cwd",
        "",
    ),
    (&["if", "condition", "unless", "only_if"], "when", "when = \"params.x == 'y'\""),
    (
        &["retries", "retry", "max_retries", "attempts"],
        "on_error",
        "on_error = { strategy = \"Retry\", max = 3 }",
    ),
    (
        &["ignore_error", "ignore_errors", "continue_on_error", "continue-on-error"],
        "on_error",
        "on_error = \"Continue\"",
    ),
    (&["allow_failure", "exit_code"], "expect", "expect = { exit = [0, 1] }"),
    (&["environment", "envs", "environ"], "env", "env = { NAME = \"value\" }"),
    (
        &["prompt", "confirm", "manual", "approval", "ask"],
        "actor",
        "actor = \"Human\" with action = \"What to do\"",
    ),
    (&["defer", "cleanup", "always"], "finally", "a step of its own under [[finally]]"),
    (&["guard", "precondition"], "guards", "[[guards]] of the workflow, with `cmd` and `reason`"),
    (&["register", "output"], "outputs", "outputs = { name = \"string\" }"),
    (
        &["loop", "with_items", "matrix", "foreach"],
        "for_each",
        "`for_each`, which this version does not run yet",
    ),
    (&["uses", "task", "recipe", "include"], "cmd", "cmd = \"ostler run VERB\""),
    (&["status", "sources", "generates", "creates"], "cmd", "cmd = \"test -e x && exit 0; …\""),
    (&["args", "arguments"], "argv", "argv = [\"program\", \"argument\"]"),
    (&["timeout_minutes", "timeout-minutes", "timeout_s"], "timeout", "timeout = \"10m\""),
    (&["description", "desc", "summary", "comment", "help"], "note", ""),
];

const PARAM: &[Habit] = &[
    (&["required"], "default", "a param without `default` is required"),
    (&["optional"], "default", "a param with a `default` is optional"),
    (&["enum", "choices", "options", "allowed"], "values", "type = \"enum\" with values = [\"a\"]"),
    (&["flag"], "type", "type = \"bool\": `--name` makes it true"),
    (&["id", "key"], "name", ""),
    (&["kind"], "type", ""),
    (&["description", "desc", "prompt"], "help", ""),
    (&["value"], "default", ""),
];

const GUARD: &[Habit] = &[
    (&["sh", "run", "command", "test", "condition"], "cmd", ""),
    (&["msg", "message", "description"], "reason", ""),
    (&["name"], "id", ""),
];

const WORKFLOW: &[Habit] = &[
    (&["name", "title", "workflow"], "id", ""),
    (
        &["vars", "variables", "inputs", "arguments", "args"],
        "params",
        "[[params]] for what the caller gives, [env] for fixed values",
    ),
    (&["param", "parameters"], "params", "[[params]]"),
    (&["environment"], "env", "[env]"),
    (&["dotenv", "env_file", "set_dotenv_load"], "env", "[env]; no file is read"),
    (&["tasks", "task", "jobs", "recipes", "step", "targets", "stages"], "steps", "[[steps]]"),
    (&["desc", "summary", "help"], "description", ""),
    (&["cleanup", "always", "defer"], "finally", "[[finally]]"),
    (
        &["dir", "workdir", "working_dir", "working_directory", "working-directory", "chdir"],
        "cwd",
        "",
    ),
];

const HOST: &[Habit] = &[
    (&["host", "hostname", "ansible_host", "ip", "addr"], "address", ""),
    (&["ansible_user", "ssh_user", "login", "username"], "user", ""),
    (&["ansible_port", "ssh_port"], "port", ""),
    (&["proxyjump", "proxy_jump", "bastion", "jump_host", "via"], "jump", ""),
    (&["key", "hostkey", "public_key"], "host_key", "host_key = \"ssh-ed25519 AAAA…\""),
    (&["tag", "tags", "vars", "variables"], "labels", "labels = { role = \"web\" }"),
    (&["group"], "groups", "groups = [\"web\"]"),
    (&["desc", "note", "comment", "summary"], "description", ""),
];

/// Types of other tools, and the one that is meant.
const TYPES: &[(&[&str], &str)] = &[
    (&["integer", "i64", "u64", "long"], "int"),
    (&["str", "text"], "string"),
    (&["boolean", "flag"], "bool"),
    (&["float", "double", "decimal"], "number"),
    (&["file", "dir", "directory", "folder"], "path"),
    (&["list", "array", "strings", "[str]", "string[]"], "[string]"),
    (&["choice", "select", "options"], "enum"),
    (&["time", "timespan"], "duration"),
    (&["semver"], "version"),
    (&["hostname"], "host"),
];

/// The tables whose fields are known by other names elsewhere.
const TABLES: &[(&str, &[Habit])] = &[
    ("a step", STEP),
    ("a param", PARAM),
    ("a guard", GUARD),
    ("a workflow", WORKFLOW),
    ("a host", HOST),
];

/// What somebody meant who wrote this field in this table.
pub(super) fn field(table: &str, written: &str) -> Option<String> {
    let (_, habits) = TABLES.iter().find(|(name, _)| *name == table)?;
    let written = written.to_lowercase();
    let (_, field, form) = habits.iter().find(|(names, ..)| names.contains(&written.as_str()))?;
    Some(match *form {
        "" => format!("here it is called `{field}`"),
        form => format!("here it is written: {form}"),
    })
}

/// The type that somebody meant who wrote this one.
pub(super) fn kind(written: &str) -> Option<&'static str> {
    let written = written.to_lowercase();
    TYPES.iter().find(|(names, _)| names.contains(&written.as_str())).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::ParamType;

    #[test]
    fn what_is_meant_exists_and_what_is_written_does_not() {
        let (schema, hosts) = (super::super::schema(), super::super::host_schema());
        let has = |table: &str, field: &str| {
            let table = if table == "Host" { &hosts } else { &schema["$defs"][table] };
            table["properties"].get(field).is_some()
        };
        for (table, habits) in TABLES {
            let name = match *table {
                "a step" => "Step",
                "a param" => "Param",
                "a guard" => "Guard",
                "a host" => "Host",
                _ => "Workflow",
            };
            for (names, field, _) in *habits {
                let above = *table == "a step" && has("Workflow", field);
                assert!(has(name, field) || above, "{table}: {field}");
                for written in *names {
                    assert!(!has(name, written), "{table}: {written}");
                }
            }
        }
        for (names, kind) in TYPES {
            assert!(ParamType::parse(kind).is_some(), "{kind}");
            assert!(names.iter().all(|name| ParamType::parse(name).is_none()), "{names:?}");
        }
    }
}
