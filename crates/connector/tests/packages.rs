//! A bad package is refused with file, line and reason; every fault at once.

use connector::Package;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages")
}

/// "# refused: 12: words" at the top of a bad package.
fn expected(text: &str) -> Vec<(usize, &str)> {
    text.lines()
        .map_while(|line| line.strip_prefix("# refused: "))
        .map(|line| {
            let (number, words) = line.split_once(": ").expect("line and words");
            (number.parse().expect("a line number"), words)
        })
        .collect()
}

#[test]
fn the_smallest_good_package_is_accepted() {
    let text = fs::read_to_string(folder().join("good.yaml")).unwrap();
    let package = Package::parse("good.yaml", &text).unwrap_or_else(|problem| panic!("{problem}"));
    assert_eq!((package.name(), package.version(), package.provider()), ("corner", "1", "corner"));
}

#[test]
fn every_bad_package_is_refused_with_file_line_and_reason() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for item in fs::read_dir(folder().join("bad")).unwrap() {
        let path = item.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let expected = expected(&text);
        assert!(!expected.is_empty(), "{name} does not say why it is bad");
        seen += 1;
        let why = match Package::parse(&name, &text) {
            Ok(_) => vec!["it was accepted".to_string()],
            Err(problem) => {
                assert_eq!(problem.code.0, "E-PACKAGE");
                problem.why
            }
        };
        for (line, words) in expected {
            // Where YAML itself breaks, the place is the YAML reader's.
            let place = if line == 0 {
                format!("{name}:")
            } else {
                format!("{name}:{line}: ")
            };
            if !why.iter().any(|fault| fault.starts_with(&place) && fault.contains(words)) {
                wrong.push(format!("{place}{words}\n    got {why:#?}"));
            }
        }
    }
    assert!(seen > 30, "only {seen} bad packages were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_mistake_makes_one_fault() {
    for name in [
        "unknown-role",
        "unbalanced-lines",
        "unknown-identity-class",
        "bad-deadline",
        "path-not-in-schema",
        "unknown-field",
        "no-otherwise",
    ] {
        let text = fs::read_to_string(folder().join("bad").join(format!("{name}.yaml"))).unwrap();
        let problem = Package::parse(name, &text).unwrap_err();
        assert_eq!(problem.why.len(), 1, "{name}: {:#?}", problem.why);
    }
}

#[test]
fn a_text_of_any_kind_is_refused_and_never_breaks_the_reader() {
    let good = fs::read_to_string(folder().join("good.yaml")).unwrap();
    for end in (0..good.len()).step_by(97) {
        let problem = Package::parse("cut.yaml", &good[..end]).expect_err("half a package is none");
        assert!(
            !problem.why.is_empty() && problem.why.iter().all(|fault| fault.starts_with("cut.yaml:")),
            "{problem}"
        );
    }
    let deep = "[".repeat(5_000);
    assert!(Package::parse("deep.yaml", &deep).is_err());
    let nested = good.replace("r.kind == 'SALE'", &format!("{}true{}", "(".repeat(280), ")".repeat(280)));
    assert!(Package::parse("nested.yaml", &nested).is_err());
    assert!(Package::parse("large.yaml", &"# much\n".repeat(50_000)).is_err());
}
