//! INFs with those that they include, where these lie beside them.

use crate::catalogs::find;
use crate::failure::Failure;
use evidence::inf::Inf;
use std::path::Path;

/// Included INFs that are read, at most.
const MOST: usize = 32;

/// Reads an INF; what lies beside `path` and is included is read as well. Windows' own do not, and one that
/// cannot be read counts like them: the plan says so.
pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Inf, Failure> {
    let name = path.display();
    let mut inf = Inf::parse(bytes).map_err(|error| Failure::Input(format!("{name}: {error}.")))?;
    let Some(folder) = path.parent().filter(|_| path.as_os_str() != "-") else { return Ok(inf) };
    let own = path.file_name().map(|it| it.to_string_lossy()).unwrap_or_default();
    let mut wanted: Vec<String> = inf.includes().into_iter().map(str::to_owned).collect();
    let mut next = 0;
    while let Some(name) = wanted.get(next).filter(|_| next < MOST).cloned() {
        next += 1;
        // Only a name: an INF is included out of the same folder, or out of Windows' own.
        if name.contains(['\\', '/']) || name.eq_ignore_ascii_case(&own) {
            continue;
        }
        let bytes = find(folder, &name).and_then(|path| mapped_file::open(&path).ok());
        let Some(Ok(other)) = bytes.map(|bytes| Inf::parse(&bytes)) else { continue };
        for more in other.includes() {
            if !wanted.iter().any(|it| it.eq_ignore_ascii_case(more)) {
                wanted.push(more.to_owned());
            }
        }
        inf.include(&name, other);
    }
    Ok(inf)
}
