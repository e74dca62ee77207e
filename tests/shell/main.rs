//! Placeholders in shell text against the real shells: what is refused, what arrives, what bash evaluates.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod argv;
mod attacks;
mod contexts;
mod forms;
mod generated;
mod operands;
mod real;
mod scripts;
mod values;

use ostler::expr::Template;
use ostler::expr::template::Named;
use ostler::shell::{Compiled, Dialect, Kind, Refusal, Surroundings, compile};

/// Compiles a text in which `{v}`, `{w}` and `{v0}` and so on are placeholders of one kind.
fn compiled(text: &str, dialect: Dialect, kind: &Kind) -> Result<Compiled, Vec<Refusal>> {
    let declared = |name: &str| {
        let numbered = name.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok());
        (numbered || matches!(name, "v" | "w")).then_some(Named::Param)
    };
    let template = Template::parse(text, declared).unwrap();
    compile(&template, dialect, &|_| kind.clone(), &Surroundings::default())
}

/// The reasons for which a text is refused; none if it is not.
fn refusals(text: &str, kind: &Kind) -> Vec<String> {
    match compiled(text, Dialect::Bash, kind) {
        Ok(_) => Vec::new(),
        Err(all) => all.into_iter().map(|r| r.why).collect(),
    }
}
