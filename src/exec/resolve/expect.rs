//! What is expected of a command, with its values in place: as data, also where a text is compared.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Values;
use crate::action::Expected;
use crate::expr::Template;
use crate::plan::Expectation;
use crate::value::with_strings;
use crate::workflow::{Json, TextExpect};

impl Values<'_> {
    pub(in crate::exec) fn expected(
        &mut self,
        expect: &Expectation,
        cwd: &Path,
    ) -> Result<Expected, String> {
        let paths = |all: &[Template], values: &mut Self| -> Result<Vec<PathBuf>, String> {
            all.iter().map(|t| values.path(t, cwd)).collect()
        };
        let files = paths(&expect.files, self)?;
        let unchanged = paths(&expect.unchanged, self)?;
        let mut that = expect.that.clone();
        for text in [&mut that.stdout, &mut that.stderr].into_iter().flatten() {
            self.compared(expect, text)?;
        }
        for part in that.file.iter_mut().flat_map(|file| &mut file.contains) {
            self.text(expect, &mut part.value)?;
        }
        Ok(Expected { that, folder: cwd.to_owned(), files, unchanged })
    }

    fn compared(&mut self, expect: &Expectation, that: &mut TextExpect) -> Result<(), String> {
        for text in that.equals.iter_mut().chain(&mut that.contains) {
            self.text(expect, &mut text.value)?;
        }
        if let Some(Json::At(pointers)) = &mut that.json {
            for (_, value) in pointers {
                *value = with_strings(value, &mut |text| match expect.texts.get(text) {
                    Some(template) => self.json_string(template),
                    None => Ok(Value::from(text)),
                })?;
            }
        }
        Ok(())
    }

    /// A text that something is compared with.
    fn text(&mut self, expect: &Expectation, text: &mut String) -> Result<(), String> {
        if let Some(template) = expect.texts.get(text) {
            let bytes = self.bytes(template)?.0;
            let shown =
                || format!("`{}` is no UTF-8, and is compared with a text", template.shown());
            *text = String::from_utf8(bytes).map_err(|_| shown())?;
        }
        Ok(())
    }
}
