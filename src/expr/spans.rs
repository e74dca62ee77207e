//! Where the parts of an expression are written.

use std::ops::Range;

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr, SourceInfo};

/// The bytes of an expression and all it is made of.
///
/// The parser tells where one token of each part is, mostly the operator; brackets around are found by counting.
pub(super) fn of(source: &SourceInfo, expr: &IdedExpr) -> Range<usize> {
    let text = source.source.as_str();
    let (mut start, mut end) = (text.len(), 0);
    let mut todo = vec![expr];
    while let Some(part) = todo.pop() {
        if let Some((first, last)) = source.offset_for(part.id) {
            start = start.min(first as usize);
            end = end.max(last as usize + 1);
        }
        match &part.expr {
            Expr::Call(call) => start = start.min(name_before(source, part, &call.func_name)),
            Expr::Select(select) => {
                // The token of `has(a.b)` is its bracket, else that of a field is its dot.
                let dot = if select.test {
                    start = start.min(name_before(source, part, "has"));
                    of(source, &select.operand).end
                } else {
                    source.offset_for(part.id).map_or(0, |(first, _)| first as usize)
                };
                end = end.max(field_after(text, dot, &select.field));
            }
            _ => {}
        }
        todo.extend(parts(part));
    }
    if start >= end || text.get(start..end).is_none() {
        return 0..text.len();
    }
    balanced(text, start, end)
}

/// What an expression is directly made of.
pub(super) fn parts(expr: &IdedExpr) -> Vec<&IdedExpr> {
    match &expr.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&*select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => entries(&map.entries),
        Expr::Struct(made) => entries(&made.entries),
        Expr::Comprehension(of) => vec![&of.iter_range, &of.loop_step],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entries(all: &[IdedEntryExpr]) -> Vec<&IdedExpr> {
    let mut parts = Vec::new();
    for entry in all {
        match &entry.expr {
            EntryExpr::MapEntry(entry) => parts.extend([&entry.key, &entry.value]),
            EntryExpr::StructField(field) => parts.push(&field.value),
        }
    }
    parts
}

/// Where the name before a call's bracket starts, which is the token that is told.
fn name_before(source: &SourceInfo, call: &IdedExpr, name: &str) -> usize {
    let bracket = source.offset_for(call.id).map_or(0, |(first, _)| first as usize);
    let before = source.source.get(..bracket).unwrap_or_default().trim_end();
    if before.ends_with(name) { before.len() - name.len() } else { usize::MAX }
}

/// Where the name after a dot ends.
fn field_after(text: &str, dot: usize, field: &str) -> usize {
    let after = text.get(dot..).unwrap_or_default();
    let name = after.trim_start().trim_start_matches('.').trim_start();
    if name.starts_with(field) { dot + after.len() - name.len() + field.len() } else { 0 }
}

/// Takes in the brackets that belong to a stretch of text.
fn balanced(text: &str, mut start: usize, mut end: usize) -> Range<usize> {
    let (mut open, mut missing) = (0_usize, 0_usize);
    for c in text[start..end].chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' if open > 0 => open -= 1,
            ')' | ']' | '}' => missing += 1,
            _ => {}
        }
    }
    for _ in 0..open {
        let rest = &text[end..];
        let next = rest.trim_start_matches([' ', '\n', '\t', ',']);
        if !next.starts_with([')', ']', '}']) {
            break;
        }
        end += rest.len() - next.len() + 1;
    }
    for _ in 0..missing {
        let before = text[..start].trim_end_matches([' ', '\n', '\t']);
        if !before.ends_with(['(', '[', '{']) {
            break;
        }
        start = before.len() - 1;
    }
    start..end
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_part_is_found_with_its_brackets_and_names() {
        for (text, part) in [
            ("é", ""),
            ("1 + size( x . y ) > 2", "size( x . y )"),
            ("(a + b) * c && d", "(a + b) * c"),
            ("!a.f(b, [1, 2]) || d", "a.f(b, [1, 2])"),
            ("'é' + x['k'].z == d", "'é' + x['k'].z"),
            ("has(a.b) && d", "has(a.b)"),
            ("a.all(x, x > 1) && d", "a.all(x, x > 1)"),
            ("{'a': f(1)} in d", "{'a': f(1)}"),
            ("(a ? (b) : c) + d", "a ? (b) : c"),
        ] {
            let Ok(program) = cel::Program::compile(text) else { continue };
            let mut todo = vec![program.expression()];
            let mut found = Vec::new();
            while let Some(expr) = todo.pop() {
                found.push(&text[super::of(program.source_info(), expr)]);
                if let cel::common::ast::Expr::Call(call) = &expr.expr {
                    todo.extend(call.target.as_deref().into_iter().chain(&call.args));
                }
            }
            assert!(found.contains(&part), "{text}: {found:?}");
        }
    }
}
