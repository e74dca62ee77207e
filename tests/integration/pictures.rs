//! Pictures of plans for other programs: SVG, Graphviz, Mermaid; whatever an author wrote, it is text there.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::plans::{SHIP, chains};
use crate::support::Test;

/// Texts that want to be something else.
const HOSTILE: &str = r#"
description = '<script>alert(1)</script> " ]]> & #quot; ]--> \N'
[[steps]]
id = "end"
cmd = "echo '\"]; click n0 call x() <img src=x onerror=y> %%{init: {}}%% \\N \\\" &lt; | ]]>'\n# \u202e\u0007 \ufffe\nsubgraph x"
[[steps]]
id = "graph"
actor = "Human"
action = "<svg onload=x>\n```\n`\\\" label=<b>x</b> \u05d0\u05d1"
depends_on = [{ step = "end", kind = "OnFailure", condition = 'steps.end.status == "failed" && size("]<>|--") > 1' }]
"#;

/// XML as nested lists: a name, attributes, text, children.
pub(crate) fn xml(text: &str) -> Value {
    let script = "import sys, json, xml.etree.ElementTree as E\n\
        def walk(e): return {'name': e.tag.split('}')[-1], 'has': e.attrib, 'text': e.text or '', 'in': [walk(c) for c in e]}\n\
        print(json.dumps(walk(E.fromstring(sys.stdin.buffer.read()))))";
    serde_json::from_slice(&piped(&["python3", "-c", script], text)).unwrap()
}

/// What a program says of a text; that it takes it.
#[track_caller]
fn piped(words: &[&str], text: &str) -> Vec<u8> {
    let program = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut program = program.unwrap_or_else(|error| panic!("{}: {error}", words[0]));
    std::io::Write::write_all(&mut program.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = program.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{words:?}: {said}\n{text}");
    output.stdout
}

/// All elements of some XML.
fn elements(of: &Value) -> Vec<&Value> {
    let inner = of["in"].as_array().unwrap().iter().flat_map(elements);
    std::iter::once(of).chain(inner).collect()
}

#[test]
fn a_picture_in_svg_holds_shapes_and_texts_and_nothing_else() {
    let test = Test::new().verb("ship", SHIP).verb("bad", HOSTILE);
    for verb in ["ship", "bad"] {
        let svg = test.ostler(&["plan", verb, "--format", "svg"]).code(0).stdout;
        let whole = xml(&svg);
        for element in elements(&whole) {
            let name = element["name"].as_str().unwrap();
            let known = ["svg", "title", "style", "defs", "marker", "path", "rect", "g", "text"];
            assert!(known.contains(&name), "{name}");
            for (name, value) in element["has"].as_object().unwrap() {
                let (name, value) = (name.as_str(), value.as_str().unwrap());
                assert!(!name.starts_with("on") && !name.contains("href"), "{name}");
                assert!(!value.contains("url(") || value == "url(#tip)", "{value}");
            }
        }
        let classes: Vec<&str> =
            elements(&whole).iter().filter_map(|e| e["has"]["class"].as_str()).collect();
        if verb == "ship" {
            for class in [
                "link success",
                "link failure",
                "link fallback",
                "link release",
                "box asked",
                "box target",
                "finally",
            ] {
                assert!(classes.contains(&class), "{class}");
            }
        }
    }
    let svg = test.ostler(&["plan", "bad", "--format", "svg"]).stdout;
    let texts: Vec<String> =
        elements(&xml(&svg)).iter().map(|e| e["text"].as_str().unwrap().to_owned()).collect();
    let has = |part: &str| assert!(texts.iter().any(|t| t.contains(part)), "{part}: {texts:?}");
    has("<script>alert(1)</script> \" ]]> & #quot;");
    has("⏎# \\u{202e}\\u{7} \u{fffd}⏎subgraph x");
    has("<svg onload=x>⏎```⏎`\\\" label=<b>x</b> \u{5d0}\u{5d1}");
}

#[test]
fn boxes_of_a_wave_do_not_lie_on_each_other() {
    let test = Test::new().verb("ship", SHIP).verb("wide", &chains(12, 3));
    for verb in ["ship", "wide"] {
        let svg = xml(&test.ostler(&["plan", verb, "--format", "svg"]).code(0).stdout);
        let all = elements(&svg);
        let boxes = all.iter().filter(|e| e["in"][0]["name"] == "title" && e["name"] == "g");
        let boxes = boxes.map(|e| &e["in"][1]["has"]);
        let number = |of: &Value, name: &str| of[name].as_str().unwrap().parse::<f64>().unwrap();
        let boxes: Vec<[f64; 4]> =
            boxes.map(|b| ["x", "y", "width", "height"].map(|name| number(b, name))).collect();
        for (n, a) in boxes.iter().enumerate() {
            for b in &boxes[n + 1..] {
                let beside = a[0] + a[2] <= b[0] || b[0] + b[2] <= a[0];
                assert!(beside || a[1] + a[3] <= b[1] || b[1] + b[3] <= a[1], "{a:?} {b:?}");
            }
            assert!(a[0] >= 0.0 && a[0] + a[2] <= number(&svg["has"], "width"));
        }
    }
}

#[test]
fn graphviz_takes_the_picture_and_sees_every_step_and_link() {
    let test = Test::new().verb("ship", SHIP).verb("bad", HOSTILE);
    for (verb, nodes, links) in [("ship", 13, 14), ("bad", 2, 1)] {
        let dot = test.ostler(&["plan", verb, "--format", "dot"]).code(0).stdout;
        let drawn: Value = serde_json::from_slice(&piped(&["dot", "-Tjson"], &dot)).unwrap();
        let objects = drawn["objects"].as_array().unwrap();
        let boxes = objects.iter().filter(|o| o["name"].as_str().unwrap().starts_with('n'));
        assert_eq!((boxes.count(), drawn["edges"].as_array().unwrap().len()), (nodes, links));
    }
    // What Graphviz draws is what was written: nothing became markup or another name.
    let dot = test.ostler(&["plan", "bad", "--format", "dot"]).stdout;
    let drawn = xml(&String::from_utf8(piped(&["dot", "-Tsvg"], &dot)).unwrap());
    let texts: Vec<&str> = elements(&drawn).iter().map(|e| e["text"].as_str().unwrap()).collect();
    assert!(
        texts.iter().any(|t| t.contains("<script>alert(1)</script> \" ]]> & #quot; ]--> \\N")),
        "{texts:?}"
    );
    assert!(texts.contains(&"graph"), "{texts:?}");
}

#[test]
fn a_picture_in_mermaid_keeps_to_its_grammar() {
    let test = Test::new().verb("ship", SHIP).verb("bad", HOSTILE);
    let label = r#""([\p{L}\p{N} …_-]|#\d+;|<br/>)*""#;
    let line = [
        "flowchart TD".to_owned(),
        format!(r" +n\d+(\[{label}\]|\(\[{label}\]\))(:::(asked|target|unproven))?"),
        r#"  subgraph finally\["finally"\]"#.to_owned(),
        "  end".to_owned(),
        format!(r"  n\d+ (-->|==>|-\.->)(\|{label}\|)? n\d+"),
        r"  classDef (asked|target|unproven) [a-z0-9#:, -]+".to_owned(),
    ];
    let line = regex::Regex::new(&format!("^({})$", line.join("|"))).unwrap();
    for (verb, count) in [("ship", 33), ("bad", 7)] {
        let said = test.ostler(&["plan", verb, "--format", "mermaid"]).code(0).stdout;
        let wrong: Vec<&str> = said.lines().filter(|l| !line.is_match(l)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(said.lines().count(), count, "{said}");
    }
}
