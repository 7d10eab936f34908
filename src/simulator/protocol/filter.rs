//! Filters: names that an action knows, values with `*` and `?`.

use std::collections::BTreeMap;

use super::{Args, Fault};

/// The filters of one request. All of them must hold; of one filter's values any.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Filters {
    filters: Vec<(String, Vec<String>)>,
}

impl Filters {
    /// Reads `Filter.N`. An unknown name is refused as EC2 refuses it, whatever there is to describe.
    pub fn read(args: &Args<'_>, known: &[&str]) -> Result<Self, Fault> {
        let mut filters = Vec::new();
        for item in args.items("Filter") {
            let name = item.get("Name").ok_or_else(|| Fault::missing("Filter.1.Name"))?;
            let tagged = name.starts_with("tag:") && known.contains(&"tag-key");
            if !tagged && !known.contains(&name) {
                return Err(Fault::value(format!("The filter '{name}' is invalid")));
            }
            let values: Vec<String> = item.list("Value").into_iter().map(str::to_owned).collect();
            if values.is_empty() {
                return Err(Fault::value(format!("The filter '{name}' has no values")));
            }
            filters.push((name.to_owned(), values));
        }
        Ok(Self { filters })
    }

    /// Whether an object passes. `test` gets a filter's name and a predicate for the object's own values of it.
    pub fn accept(
        &self,
        tags: &BTreeMap<String, String>,
        mut test: impl FnMut(&str, &dyn Fn(&str) -> bool) -> bool,
    ) -> bool {
        self.filters.iter().all(|(name, values)| {
            let is = |own: &str| values.iter().any(|pattern| matches(pattern, own));
            if let Some(key) = name.strip_prefix("tag:") {
                return tags.get(key).is_some_and(|value| is(value));
            }
            match name.as_str() {
                "tag-key" => tags.keys().any(|key| is(key)),
                name => test(name, &is),
            }
        })
    }
}

/// Whether a filter value with `*`, `?` and `\` matches the whole text.
pub(in crate::simulator) fn matches(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?', '\\']) {
        return pattern == text;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where the last star stood and how much of the text it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let literal = pattern.get(p) == Some(&'\\') && p + 1 < pattern.len();
        let here = pattern.get(if literal { p + 1 } else { p });
        if !literal && here == Some(&'*') {
            star = Some((p, t));
            p += 1;
        } else if here.is_some() && (here == text.get(t) || (!literal && here == Some(&'?'))) {
            p += if literal { 2 } else { 1 };
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks_match_as_ec2_documents_them() {
        for (pattern, text, expected) in [
            ("c7i.*", "c7i.xlarge", true),
            ("*.xlarge", "c7i.2xlarge", false),
            ("*xlarge", "c7i.2xlarge", true),
            ("c?i.large", "c7i.large", true),
            ("c?.large", "c7i.large", false),
            ("", "", true),
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("\\*literal", "*literal", true),
            ("\\*literal", "xliteral", false),
            ("Case", "case", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} against {text}");
        }
    }
}
