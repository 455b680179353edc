//! Probes on a paused clock: their schedule, their questions, and how each ending is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::{Clock, Dice, Tick, UnixMs};
use detection::ComponentId;
use domain::{
    Delta, Effort, Event, Fault, FaultClass, Finish, Full, ModelCard, Piece, Request, Usage,
};
use lookout::probe::{
    Canaries, CanaryHost, CanaryReading, CanarySink, Network, ProbeOutcome, ProbeReport,
    ProbeSettings, ProbeSink, ProbeTarget, Prober, Schedule,
};
use tokio::sync::{Notify, watch};
use upstream::{Answer, BoxFuture, Call, Scripted, Step, Upstream};

use crate::rig::{Act, FakeWeb, PausedClock};

/// How the fake answers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    Right,
    Late,
    Wrong,
    OutOfTokens,
    Overloaded,
    Unreachable,
    Silent,
}

/// A model that can add, if it is in the mood.
#[derive(Debug)]
struct Adder {
    mode: Mutex<Mode>,
    calls: Mutex<Vec<Call>>,
    card: Option<Arc<ModelCard>>,
}

impl Adder {
    fn new(mode: Mode) -> Arc<Self> {
        Arc::new(Self { mode: Mutex::new(mode), calls: Mutex::default(), card: None })
    }
}

fn sum(request: &Request) -> u64 {
    let Some(Full::Conversation(conversation)) = request.full_if_read() else {
        panic!("the full form is there")
    };
    let text = conversation.turns[0].text();
    let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok());
    numbers.sum()
}

fn events(text: &str, finish: Finish, usage: Usage) -> Vec<Result<Piece, Fault>> {
    let mut events = vec![Event::Start { id: None, model: None }];
    if !text.is_empty() {
        events.push(Event::text(text));
    }
    events.extend([Event::finish(finish), Event::Usage(usage)]);
    events.into_iter().map(|event| Ok(Piece::Native(event))).collect()
}

impl Upstream for Adder {
    fn provider(&self) -> &str {
        "adder"
    }

    fn key_count(&self) -> u16 {
        3
    }

    fn card(&self, _: &str) -> Option<Arc<ModelCard>> {
        self.card.clone()
    }

    fn unfit(&self, _: &str, _: &Request) -> Option<Box<str>> {
        None
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, Fault>> {
        let mode = *self.mode.lock().unwrap();
        let sum = sum(&call.request);
        self.calls.lock().unwrap().push(call.clone());
        let usage = Usage { input_uncached: 20, output: 4, ..Usage::default() };
        let thinking = Usage { output: 24, reasoning: 24, ..usage };
        let step = match mode {
            Mode::Right | Mode::Late => Step::Native(events(&sum.to_string(), Finish::Stop, usage)),
            Mode::Wrong => Step::Native(events("7", Finish::Stop, usage)),
            Mode::OutOfTokens => Step::Native(events("", Finish::Length, thinking)),
            Mode::Overloaded => Step::Fail(Fault::new(FaultClass::Overloaded, "busy")),
            Mode::Unreachable => Step::Fail(Fault::new(FaultClass::Connect, "no route")),
            Mode::Silent => Step::Hang,
        };
        Box::pin(async move {
            if mode == Mode::Late {
                tokio::time::sleep(Duration::from_secs(10)).await;
            } else {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            Scripted::new("adder", [step]).call(call).await
        })
    }
}

fn canaries(web: &FakeWeb, clock: &Arc<PausedClock>) -> Arc<Canaries> {
    let host = |host: &str| CanaryHost { host: host.into(), port: 443, tls: true };
    let hosts = vec![host("one"), host("two")];
    Arc::new(Canaries::new(hosts, Arc::new(web.clone()), None, clock.clone()))
}

fn reachable() -> FakeWeb {
    FakeWeb::default().host("one", [Act::Silent]).host("two", [Act::Refuse])
}

fn prober(adder: &Arc<Adder>, web: &FakeWeb, settings: ProbeSettings) -> Prober {
    let clock = PausedClock::new();
    let target = ProbeTarget {
        components: vec![ComponentId::new("adder/chat")],
        upstream: adder.clone(),
        model: "sum-1".into(),
    };
    let canaries = canaries(web, &clock);
    Prober::new(target, settings, canaries, (clock as Arc<dyn Clock>, Dice::seeded(2)))
}

async fn step(prober: &mut Prober) -> ProbeReport {
    loop {
        if let Some(report) = prober.step().await {
            return report;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_ending_is_told() {
    let adder = Adder::new(Mode::Right);
    let mut prober = prober(&adder, &reachable(), ProbeSettings::default());
    for _ in 0..6 {
        let report = step(&mut prober).await;
        assert_eq!(report.outcome, ProbeOutcome::Right);
        assert_eq!(report.tokens, Some(24));
        assert!((200..250).contains(&report.first_content_ms.unwrap()));
    }
    for (mode, want) in [
        (Mode::Wrong, ProbeOutcome::Wrong),
        (Mode::Late, ProbeOutcome::Slow),
        (Mode::OutOfTokens, ProbeOutcome::Alive),
        (Mode::Overloaded, ProbeOutcome::Failed(FaultClass::Overloaded)),
        (Mode::Unreachable, ProbeOutcome::Failed(FaultClass::Connect)),
        (Mode::Silent, ProbeOutcome::Failed(FaultClass::Silent)),
    ] {
        *adder.mode.lock().unwrap() = mode;
        let report = step(&mut prober).await;
        assert_eq!(report.outcome, want, "{mode:?}");
        assert!(report.total_ms <= 15_001, "{mode:?}: {}", report.total_ms);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_network_nothing_is_known_about_the_provider() {
    let adder = Adder::new(Mode::Unreachable);
    let dark = FakeWeb::default();
    let mut prober = prober(&adder, &dark, ProbeSettings::default());
    assert_eq!(step(&mut prober).await.outcome, ProbeOutcome::OwnNetwork);
    // An answer of the provider's is one, whatever the canaries say.
    *adder.mode.lock().unwrap() = Mode::Overloaded;
    assert_eq!(step(&mut prober).await.outcome, ProbeOutcome::Failed(FaultClass::Overloaded));
}

#[tokio::test(start_paused = true)]
async fn one_host_is_enough_and_one_alone_cannot_tell() {
    let clock = PausedClock::new();
    let half = canaries(&reachable(), &clock).look().await;
    assert_eq!(half.network(), Network::Up);
    assert_eq!(half.hosts.iter().map(|(_, up)| *up).collect::<Vec<_>>(), [true, false]);
    let dark = Arc::new(FakeWeb::default());
    let alone = vec![CanaryHost { host: "one".into(), port: 443, tls: false }];
    let reading = Canaries::new(alone, dark, None, clock.clone()).look().await;
    assert_eq!(reading.network(), Network::Unsure);
}

#[derive(Debug, Default)]
struct Readings(Mutex<Vec<Network>>);

impl CanarySink for Readings {
    fn take(&self, reading: CanaryReading) {
        self.0.lock().unwrap().push(reading.network());
    }
}

#[tokio::test(start_paused = true)]
async fn canaries_look_again_and_again() {
    let canaries = canaries(&FakeWeb::default(), &PausedClock::new());
    let (readings, wanted) = (Arc::new(Readings::default()), Notify::new());
    let looking = canaries.run(Duration::from_secs(30), Dice::seeded(1), readings.clone(), &wanted);
    assert!(tokio::time::timeout(Duration::from_secs(600), looking).await.is_err());
    let readings = readings.0.lock().unwrap();
    assert!((18..=23).contains(&readings.len()), "{}", readings.len());
    assert!(readings.iter().all(|network| *network == Network::Down));
}

#[tokio::test(start_paused = true)]
async fn canaries_look_at_once_when_somebody_has_to_know() {
    let canaries = canaries(&FakeWeb::default(), &PausedClock::new());
    let (readings, wanted) = (Arc::new(Readings::default()), Notify::new());
    let count = || readings.0.lock().unwrap().len();
    let looking = canaries.run(Duration::from_secs(30), Dice::seeded(1), readings.clone(), &wanted);
    let mut looking = std::pin::pin!(looking);
    let mut for_s = async |seconds| {
        let span = Duration::from_secs(seconds);
        assert!(tokio::time::timeout(span, looking.as_mut()).await.is_err());
    };
    for_s(8).await;
    assert_eq!(count(), 1);
    wanted.notify_one();
    for_s(4).await;
    assert_eq!(count(), 2, "and not only after half a minute");
}

#[tokio::test(start_paused = true)]
async fn a_probes_request_reads_the_same_in_bytes_and_in_full() {
    let adder = Adder::new(Mode::Right);
    let mut prober = prober(&adder, &reachable(), ProbeSettings::default());
    step(&mut prober).await;
    step(&mut prober).await;
    let calls = adder.calls.lock().unwrap();
    assert_ne!(calls[0].request.body, calls[1].request.body, "no cache knows the next question");
    assert_ne!(calls[0].key, calls[1].key, "keys rotate");
    let request = &calls[0].request;
    let form = dialects::of(request.dialect);
    let ask = dialects::Ask {
        operation: request.operation,
        body: &request.body,
        model_in_path: None,
        stream_in_path: false,
    };
    let outline = form.read_outline(&ask).unwrap();
    assert_eq!(outline.model, request.outline.model);
    assert_eq!(outline.model_at, request.outline.model_at);
    assert_eq!(outline.output_tokens_max, request.outline.output_tokens_max);
    assert!(outline.stream);
    let (Full::Conversation(read), Some(Full::Conversation(kept))) =
        (form.read_full(request).unwrap(), request.full_if_read())
    else {
        panic!("both are conversations")
    };
    assert_eq!(read.turns, kept.turns);
    assert_eq!(read.sampling.output_tokens_max, kept.sampling.output_tokens_max);
    let renamed = form.rewrite(request, "other", false);
    let renamed: serde_json::Value = serde_json::from_slice(&renamed).unwrap();
    assert_eq!(renamed["model"], "other");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_thinks_gets_more_room_and_is_asked_to_be_brief() {
    let card = ModelCard { reasons: Some(true), ..ModelCard::default() };
    let adder = Arc::new(Adder {
        mode: Mutex::new(Mode::Right),
        calls: Mutex::default(),
        card: Some(Arc::new(card)),
    });
    let mut prober = prober(&adder, &reachable(), ProbeSettings::default());
    step(&mut prober).await;
    let calls = adder.calls.lock().unwrap();
    let Some(Full::Conversation(kept)) = calls[0].request.full_if_read() else { panic!() };
    assert_eq!(kept.sampling.output_tokens_max, Some(256));
    assert_eq!(kept.reasoning.effort, Some(Effort::Low));
}

#[derive(Debug, Default)]
struct Kept(Mutex<Vec<ProbeReport>>);

impl ProbeSink for Kept {
    fn take(&self, report: ProbeReport) {
        self.0.lock().unwrap().push(report);
    }
}

#[tokio::test(start_paused = true)]
async fn suspicion_raises_the_rate_and_good_answers_lower_it() {
    let adder = Adder::new(Mode::Right);
    let prober = prober(&adder, &reachable(), ProbeSettings::default());
    let kept = Arc::new(Kept::default());
    let (suspect, suspected) = watch::channel(false);
    let running = tokio::spawn(prober.run(suspected, kept.clone()));
    let count = |kept: &Kept| kept.0.lock().unwrap().len();
    let within = async |seconds: u64| {
        let before = count(&kept);
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        count(&kept) - before
    };
    within(60).await;
    assert!((8..=12).contains(&within(600).await), "once a minute");
    suspect.send(true).unwrap();
    assert_eq!(within(3).await, 1, "at once");
    assert!((50..=75).contains(&within(600).await), "every ten seconds");
    suspect.send(false).unwrap();
    within(60).await;
    assert!((8..=12).contains(&within(600).await), "once a minute again");
    // A failure is a suspicion of its own.
    *adder.mode.lock().unwrap() = Mode::Overloaded;
    within(90).await;
    assert!((50..=75).contains(&within(600).await));
    *adder.mode.lock().unwrap() = Mode::Right;
    within(60).await;
    assert!((8..=12).contains(&within(600).await));
    drop(suspect);
    assert!((8..=12).contains(&within(600).await), "it goes on when nobody can suspect any more");
    running.abort();
}

/// Plays days of probes that use all they may, and counts those that were made.
fn play(schedule: &mut Schedule, outcome: ProbeOutcome, seconds: std::ops::Range<u64>) -> u64 {
    let mut made = 0;
    for second in seconds {
        let now = Tick::from_millis(second * 1_000);
        if schedule.start((now, UnixMs::new(second * 1_000)), 100) {
            made += 1;
            schedule.ended(now, outcome, (100, Some(100)));
        }
    }
    made
}

#[test]
fn a_days_tokens_are_never_exceeded_and_some_are_kept_for_suspicion() {
    const DAY_S: u64 = 86_400;
    let settings = ProbeSettings { tokens_per_day_max: 60_000, ..ProbeSettings::default() };
    let mut schedule = Schedule::new(settings, Dice::seeded(3), Tick::default());
    assert_eq!(play(&mut schedule, ProbeOutcome::Right, 0..DAY_S), 360, "60 % in quiet");
    assert_eq!(schedule.spent(), 36_000);
    assert_eq!(play(&mut schedule, ProbeOutcome::Right, DAY_S..2 * DAY_S - 7_200), 360);
    // Late in the day something falls: there are tokens left to see it.
    schedule.suspect(true, Tick::from_millis((2 * DAY_S - 7_200) * 1_000));
    let fell = ProbeOutcome::Failed(FaultClass::ServerError);
    assert_eq!(play(&mut schedule, fell, 2 * DAY_S - 7_200..2 * DAY_S), 240);
    assert_eq!(schedule.spent(), 60_000);
    assert!(play(&mut schedule, fell, 2 * DAY_S..2 * DAY_S + 60) > 3, "a new day");
}

#[test]
fn what_was_not_used_is_given_back() {
    let mut schedule = Schedule::new(ProbeSettings::default(), Dice::seeded(3), Tick::default());
    let now = schedule.due();
    assert!(schedule.start((now, UnixMs::default()), 100));
    assert_eq!(schedule.spent(), 100);
    schedule.ended(now, ProbeOutcome::Right, (100, Some(24)));
    assert_eq!(schedule.spent(), 24);
    // One whose use is not told is taken to have used all.
    let now = schedule.due();
    assert!(schedule.start((now, UnixMs::default()), 100));
    schedule.ended(now, ProbeOutcome::Right, (100, None));
    assert_eq!(schedule.spent(), 124);
}

#[test]
fn slow_is_measured_by_what_is_usual() {
    let mut schedule = Schedule::new(ProbeSettings::default(), Dice::seeded(3), Tick::default());
    assert_eq!(schedule.slow_ms(), 15_000, "nothing is usual yet");
    (0..30).for_each(|_| schedule.usual(500));
    assert_eq!(schedule.slow_ms(), 4_000, "never below the least");
    (0..30).for_each(|_| schedule.usual(2_000));
    assert_eq!(schedule.slow_ms(), 8_000);
}

#[test]
fn thinking_that_is_shown_is_content() {
    // A delta of thinking alone, and then the end of the tokens.
    let pieces = vec![
        Ok(Piece::Native(Event::Delta { choice: 0, delta: Delta::Thinking("hm".into()) })),
        Ok(Piece::Native(Event::finish(Finish::Length))),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let clock = PausedClock::new();
        let target = ProbeTarget {
            components: Vec::new(),
            upstream: Scripted::new("thinker", [Step::Native(pieces)]),
            model: "m".into(),
        };
        let canaries = canaries(&reachable(), &clock);
        let time = (clock as Arc<dyn Clock>, Dice::seeded(2));
        let mut prober = Prober::new(target, ProbeSettings::default(), canaries, time);
        let report = step(&mut prober).await;
        assert_eq!(report.outcome, ProbeOutcome::Alive);
        assert!(report.first_content_ms.is_some());
    });
}
