//! Loads recorded exchanges with many providers, from a folder if there is one. What they must
//! read as is each dialect's business.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// One exchange.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) path: String,
    pub(crate) provider: String,
    pub(crate) api: String,
    pub(crate) kind: String,
    pub(crate) stream: bool,
    pub(crate) status: u16,
    /// `meta.json`: `summary` is what a correct reader gets.
    pub(crate) meta: Value,
    /// `request.json`: method, path, headers, body.
    pub(crate) request: Value,
    /// The answer's body.
    pub(crate) body: Vec<u8>,
}

fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("SEAWALL_FIXTURES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    named.into_iter().chain([beside]).find_map(|folder| {
        [folder.join("wire"), folder].into_iter().find(|place| place.join("INDEX.tsv").is_file())
    })
}

/// All exchanges of these apis; none without a folder.
pub(crate) fn of(apis: &[&str]) -> Vec<Recording> {
    let Some(folder) = folder() else {
        eprintln!("no folder of recordings: skipped (set SEAWALL_FIXTURES)");
        return Vec::new();
    };
    let index = fs::read_to_string(folder.join("INDEX.tsv")).unwrap();
    let rows = index.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| apis.contains(&row[2])).map(|row| load(&folder, &row)).collect()
}

fn load(folder: &Path, row: &[&str]) -> Recording {
    let place = folder.join(row[0]);
    let json = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(place.join(name)).unwrap()).unwrap()
    };
    let meta = json("meta.json");
    let body = fs::read(place.join(meta["response_file"].as_str().unwrap())).unwrap();
    Recording {
        path: row[0].to_owned(),
        provider: row[1].to_owned(),
        api: row[2].to_owned(),
        kind: row[3].to_owned(),
        stream: row[4] == "1",
        status: row[5].parse().unwrap(),
        request: json("request.json"),
        meta,
        body,
    }
}
