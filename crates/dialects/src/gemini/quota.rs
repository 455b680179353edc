//! What a 429 of Google's means: its sentence is the same for a pace and for an empty purse, and
//! only the details tell them apart.

use domain::{Fault, FaultClass};
use serde_json::Value;

/// Bodies beyond this are not looked at.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Refines the class of a 429 by the quotas that it names. A quota of the day comes back with the
/// day, whatever wait is told beside it; any other comes back with its minute.
pub(super) fn refine(mut fault: Fault, body: &[u8]) -> Fault {
    let by_pace = matches!(fault.class, FaultClass::RateLimited | FaultClass::QuotaExhausted);
    if fault.status != Some(429) || !by_pace || body.len() > BODY_BYTES_MAX {
        return fault;
    }
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return fault;
    };
    let body = body.get(0).unwrap_or(&body);
    let details = body.pointer("/error/details").and_then(Value::as_array);
    let violations = details
        .into_iter()
        .flatten()
        .filter_map(|detail| detail.get("violations")?.as_array())
        .flatten();
    let quotas: Vec<&str> =
        violations.filter_map(|violation| violation.get("quotaId")?.as_str()).collect();
    if quotas.iter().any(|quota| quota.contains("PerDay")) {
        fault.class = FaultClass::QuotaExhausted;
        fault.retry_after_ms = None;
    } else if !quotas.is_empty() || fault.retry_after_ms.is_some() {
        fault.class = FaultClass::RateLimited;
    }
    fault
}
