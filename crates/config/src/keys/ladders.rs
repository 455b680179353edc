//! The keys of models and the rules of failover between them.

use admission::RoomSettings;
use gateway::RecallSettings;
use resilience::{
    BreakerSettings, Clocks, FailoverSettings, HedgeSettings, LimiterSettings, PaceSettings,
};

use super::{DAY_MS, HOUR_MS, KIB, MIB, Section, decimal, flag, integer, number, other, required};
use crate::settings::ReserveSettings;

fn hedge() -> HedgeSettings {
    HedgeSettings::default()
}

fn recall() -> RecallSettings {
    RecallSettings::default()
}

fn reserve() -> ReserveSettings {
    ReserveSettings::default()
}

pub(crate) static MODEL: Section = Section {
    name: "models.NAME",
    sentence: "A model name that callers may ask for, at most 256 bytes; `*` stands for any run of \
        characters. A name with a dot or a `*` needs quotes: `[models.\"gpt-4*\"]`.",
    keys: &[other(
        "ladder",
        "array of `provider/model`, or of arrays of them",
        required,
        "From the first choice to the last, 16 steps at most; an array within it holds equals, \
         which are balanced. `provider/*` asks for the name that the caller asked for.",
    )],
    tables: &["clocks"],
};

pub(crate) static MODEL_CLOCKS: Section = Section {
    name: "models.NAME.clocks",
    sentence: "The same keys as in `[clocks]`, for this model alone; what is not named is taken \
        from there.",
    keys: CLOCKS.keys,
    tables: &[],
};

pub(crate) static CLOCKS: Section = Section {
    name: "clocks",
    sentence: "How long an attempt may be silent, in milliseconds.",
    keys: &[
        integer(
            "connect_ms_max",
            (1, HOUR_MS),
            || Clocks::default().connect_ms_max.to_string(),
            "To make a connection.",
        ),
        integer(
            "headers_ms_max",
            (1, HOUR_MS),
            || Clocks::default().headers_ms_max.to_string(),
            "From sending the request to the head of a streamed answer.",
        ),
        integer(
            "first_token_ms_max",
            (1, HOUR_MS),
            || Clocks::default().first_token_ms_max.to_string(),
            "From sending the request to the first content of a stream; pings and empty deltas do \
             not count.",
        ),
        integer(
            "head_held_ms_max",
            (0, HOUR_MS),
            || Clocks::default().head_held_ms_max.to_string(),
            "From the head of a provider's stream to its first content: if none has come by then, \
             the caller's stream begins all the same, with comments where his clients can read \
             them, and whatever follows is told in it; 0 holds it back until the first content.",
        ),
        integer(
            "unstreamed_ms_max",
            (1, DAY_MS),
            || Clocks::default().unstreamed_ms_max.to_string(),
            "From sending the request to the end of an answer that is not streamed.",
        ),
        integer(
            "gap_ms_max",
            (1, HOUR_MS),
            || Clocks::default().gap_ms_max.to_string(),
            "Between two pieces of content.",
        ),
        integer(
            "crawl_ms_max",
            (0, HOUR_MS),
            || Clocks::default().crawl_ms_max.to_string(),
            "A stream that has crawled for so long, at a tenth of its usual pace or less, is taken \
             over if another rung is at ease and its text can be gone on with; 0 lets it crawl.",
        ),
        integer(
            "total_ms_max",
            (1, DAY_MS),
            || Clocks::default().total_ms_max.to_string(),
            "For the whole request, all attempts together.",
        ),
    ],
    tables: &[],
};

pub(crate) static FAILOVER: Section = Section {
    name: "failover",
    sentence: "How far failover may go.",
    keys: &[
        integer(
            "attempts_max",
            (1, 20),
            || FailoverSettings::default().attempts_max.to_string(),
            "Upstream calls per request, all rungs together.",
        ),
        number(
            "retry_budget_ratio",
            (0.0, 1.0),
            || decimal(FailoverSettings::default().retry_budget_ratio),
            "Extra attempts as a share of live requests in the last ten seconds, of all providers together and of each one.",
        ),
        integer(
            "pause_ms_min",
            (1, 60_000),
            || FailoverSettings::default().pause_ms_min.to_string(),
            "The first pause before the same rung is tried again; it doubles, with full jitter.",
        ),
        integer(
            "pause_ms_max",
            (1, 60_000),
            || FailoverSettings::default().pause_ms_max.to_string(),
            "The longest pause that a request waits for, `Retry-After` included; a longer one \
             sends it to the next rung.",
        ),
        flag(
            "takeover",
            || FailoverSettings::default().takeover.to_string(),
            "A stream that breaks off after its first words is taken over by another rung, which \
             goes on in mid-sentence; without it such a stream ends in an error.",
        ),
        flag(
            "hold_tool_calls",
            || FailoverSettings::default().hold_tool_calls.to_string(),
            "Tool calls of a stream are held back until they are complete, so that one that \
             breaks off in between can be made anew by another rung. Answers to requests with \
             tools are then written anew rather than relayed. Nothing with `takeover = false`.",
        ),
        flag(
            "hedge",
            || hedge().enabled.to_string(),
            "Whether a stream whose first token is late is asked for a second time, of the next rung \
             that is at ease: the first of the two serves, the other is cancelled and billed. It is \
             late after the time within which 95 % of the rung's last answers began, for such a \
             prompt. Paid from the retry budget, at most half of it; never while a rung is near its \
             limit, on a ramp or not well; nothing with `[pace] enabled = false`.",
        ),
        integer(
            "hedge_after_ms_min",
            (1, HOUR_MS),
            || hedge().after_ms_min.to_string(),
            "Never before so long.",
        ),
        integer(
            "hedge_input_tokens_max",
            (0, 100_000_000),
            || hedge().input_tokens_max.to_string(),
            "A request with more tokens of input, at four bytes each, is too dear for it.",
        ),
        integer(
            "hedge_output_tokens_max",
            (0, 100_000_000),
            || hedge().output_tokens_max.to_string(),
            "So is one whose answer may have more; where the caller sets no limit, 1,000 are meant.",
        ),
        flag(
            "hedge_tools",
            || hedge().tools.to_string(),
            "Whether requests that offer tools may be asked twice.",
        ),
    ],
    tables: &[],
};

pub(crate) static BREAKER: Section = Section {
    name: "breaker",
    sentence: "When the breaker of a (provider, model, key) opens, and for how long.",
    keys: &[
        integer(
            "streak_max",
            (1, 1_000),
            || BreakerSettings::default().streak_max.to_string(),
            "Hard failures in a row that open it.",
        ),
        integer(
            "window_ms",
            (1_000, HOUR_MS),
            || BreakerSettings::default().window_ms.to_string(),
            "The window of the failure ratio.",
        ),
        number(
            "ratio_max",
            (0.01, 1.0),
            || decimal(BreakerSettings::default().ratio_max),
            "Failures as a share of judged attempts that open it.",
        ),
        integer(
            "attempts_min",
            (1, 100_000),
            || BreakerSettings::default().attempts_min.to_string(),
            "Judged attempts in the window below which the ratio says nothing.",
        ),
        integer(
            "cooldown_ms_min",
            (100, HOUR_MS),
            || BreakerSettings::default().cooldown_ms_min.to_string(),
            "The first cool-down; it doubles with each failed probe.",
        ),
        integer(
            "cooldown_ms_max",
            (100, HOUR_MS),
            || BreakerSettings::default().cooldown_ms_max.to_string(),
            "The longest cool-down of our own making.",
        ),
        integer(
            "retry_after_ms_max",
            (0, DAY_MS),
            || BreakerSettings::default().retry_after_ms_max.to_string(),
            "The longest cool-down that a provider's `Retry-After` can ask for.",
        ),
    ],
    tables: &[],
};

pub(crate) static PACE: Section = Section {
    name: "pace",
    sentence: "How calls are kept at the pace that a provider can take. A call goes to the first rung \
               that takes it with ease, else to the first that can bear it, else it waits.",
    keys: &[
        flag(
            "enabled",
            || PaceSettings::default().enabled.to_string(),
            "Whether calls are paced, ramped and made to wait; without it every call that a breaker \
             lets through goes out at once.",
        ),
        integer(
            "calls_start",
            (1, 1_000_000),
            || LimiterSettings::default().start.to_string(),
            "Calls that may be out at one (provider, model) before anything is known of it.",
        ),
        integer(
            "calls_min",
            (1, 1_000_000),
            || LimiterSettings::default().limit_min.to_string(),
            "The learned limit never falls below.",
        ),
        integer(
            "calls_max",
            (1, 1_000_000),
            || LimiterSettings::default().limit_max.to_string(),
            "The learned limit never rises above.",
        ),
        integer(
            "first_token_ms",
            (1, HOUR_MS),
            || "(learned)".into(),
            "A first token that is still in time, for a short prompt.",
        ),
        integer(
            "inter_token_ms",
            (1, HOUR_MS),
            || "(learned)".into(),
            "A gap between two tokens that is still in time.",
        ),
        flag(
            "ramp",
            || PaceSettings::default().ramp.to_string(),
            "Calls that belong elsewhere come onto a rung, and back to one that was down, at a rate \
             that rises from a small start.",
        ),
    ],
    tables: &[],
};

pub(crate) static WAITING_ROOM: Section = Section {
    name: "waiting_room",
    sentence: "Where requests stand in line while every provider of their ladder has enough to do, \
               or is kept from by its breaker for less than the longest wait. Nobody waits with `[pace] enabled = false`.",
    keys: &[
        integer(
            "waiters_max",
            (0, 1_000_000),
            || RoomSettings::default().waiters_max.to_string(),
            "Requests that may wait on one ladder; 0 closes the room.",
        ),
        integer(
            "wait_ms_max",
            (1, HOUR_MS),
            || RoomSettings::default().wait_ms_max.to_string(),
            "The longest wait; who would wait longer is told so at once.",
        ),
        integer(
            "tell_after_ms",
            (0, HOUR_MS),
            || RoomSettings::default().tell_after_ms.to_string(),
            "After so long in line a caller of a stream is told his place in comments, where his \
             clients can read them; 0 tells nobody.",
        ),
        integer(
            "tell_every_ms",
            (1_000, HOUR_MS),
            || RoomSettings::default().tell_every_ms.to_string(),
            "How often he is told after that.",
        ),
    ],
    tables: &[],
};

pub(crate) static RECALL: Section = Section {
    name: "recall",
    sentence: "Finished answers that are kept in memory and given again to the same caller when the \
               same is asked: the rung between the last provider and the reserve. They are marked by \
               `seawall-served-by: recall/MODEL`, `seawall-why` and `age`. Answers with tool calls, \
               refusals, and requests that hang on something else than themselves are not kept.",
    keys: &[
        flag("enabled", || recall().enabled.to_string(), "Whether answers are kept at all."),
        integer(
            "fresh_ms_max",
            (0, 7 * DAY_MS),
            || recall().fresh_ms_max.to_string(),
            "A kept answer not older than this is given before any provider is asked; 0 asks them \
             always. Who sends the same request twice for two different answers gets one.",
        ),
        flag(
            "stale",
            || recall().stale.to_string(),
            "Whether an older one is given when no provider of the ladder can answer.",
        ),
        integer(
            "stale_ms_max",
            (1, 30 * DAY_MS),
            || recall().stale_ms_max.to_string(),
            "The oldest that is given then.",
        ),
        integer(
            "entries_max",
            (1, 10_000_000),
            || recall().entries_max.to_string(),
            "Answers kept; beyond it the oldest leaves.",
        ),
        integer(
            "bytes_max",
            (64 * KIB, 1024 * 1024 * MIB),
            || recall().bytes_max.to_string(),
            "Bytes of all kept answers; as many again may be answers that are being given.",
        ),
        integer(
            "answer_bytes_max",
            (KIB, 64 * MIB),
            || recall().answer_bytes_max.to_string(),
            "Bytes of one kept answer; a longer one is not kept.",
        ),
    ],
    tables: &[],
};

pub(crate) static RESERVE: Section = Section {
    name: "reserve",
    sentence: "The small model on board, which answers when nobody else does.",
    keys: &[
        flag(
            "enabled",
            || "(true if a ladder or a provider names it)".into(),
            "Whether it is loaded.",
        ),
        other(
            "model_dir",
            "path",
            || {
                "`$SEAWALL_MODEL_DIR`, else `$XDG_DATA_HOME/seawall/models`, else \
                `$HOME/.local/share/seawall/models`"
                    .into()
            },
            "The folder of the model's file.",
        ),
        integer(
            "threads",
            (1, 64),
            || reserve().threads.to_string(),
            "Threads that each run one answer at a time.",
        ),
        integer(
            "context_tokens_max",
            (128, 4_096),
            || reserve().context_tokens_max.to_string(),
            "Tokens of prompt and answer together.",
        ),
        integer(
            "output_tokens_max",
            (1, 4_096),
            || reserve().output_tokens_max.to_string(),
            "Tokens of one answer.",
        ),
        integer(
            "queue_max",
            (0, 1_000),
            || reserve().queue_max.to_string(),
            "Requests that wait for a thread.",
        ),
        integer(
            "queue_wait_ms_max",
            (0, HOUR_MS),
            || reserve().queue_wait_ms_max.to_string(),
            "For which one request waits.",
        ),
        number(
            "temperature",
            (0.0, 2.0),
            || decimal(reserve().temperature),
            "Used where the caller names none; 0 takes the likeliest token always.",
        ),
        number(
            "top_p",
            (0.01, 1.0),
            || decimal(reserve().top_p),
            "Used where the caller names none.",
        ),
    ],
    tables: &[],
};
