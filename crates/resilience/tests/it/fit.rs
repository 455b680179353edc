//! Whether a text that repeats nothing can be the next words of another: a table of both kinds, as
//! models write them.

use proptest::prelude::*;
use resilience::{FitWhy, Manner, NotContinued, Splice};

const BOTH: [Manner; 2] = [Manner::UserTurn, Manner::Prefill];

fn splice(said: &str, manner: Manner, new: &str) -> Result<String, NotContinued> {
    let mut splice = Splice::new(said, manner);
    let mut read = String::new();
    for piece in new.split_inclusive(' ') {
        read.push_str(&splice.push(piece)?);
    }
    read.push_str(&splice.end()?);
    Ok(read)
}

/// What goes on, as a chat model says it and, behind a blank, as a prefilled one does.
const GOES_ON: &[(&str, &str)] = &[
    // The plain case, and marks.
    ("a long stone wall takes the first blow", "of every wave, so that the boats lie still."),
    ("The crane swings slowly above the quay", ", and nobody looks up."),
    ("It costs about", "300 euros a month, heating included."),
    ("The error is", "`ConnectionResetError`, which means that the peer closed it."),
    ("There are two ways (and", "both are slow): by ship and by rail."),
    // Names.
    ("The painting was bought in 1911 by a collector from", "Boston, who kept it until the war."),
    ("The theory goes back to Albert", "Einstein, who published it in 1905."),
    ("She moved to New", "York in the spring of 1987 and stayed."),
    ("The largest cities are Paris, Lyon,", "Marseille and Toulouse, in that order."),
    ("The package is maintained by", "Google and released every six weeks."),
    ("You can deploy it with", "Docker, which needs no other tools."),
    ("Rome fell. It was sacked by", "Alaric, king of the Visigoths, in 410."),
    (
        "Marie Curie was born in Warsaw. In 1891 she followed her sister to Paris, where",
        "Curie studied physics.",
    ),
    ("We use an", "API key for that, and rotate it every month."),
    ("It was written in", "JavaScript and later moved to a typed language."),
    ("The data is stored in", "PostgreSQL with one table for each day."),
    ("He said that", "I should bring the boat back before noon."),
    ("If you want,", "I can also show the second way."),
    ("The meeting is on", "Monday at nine, before the others arrive."),
    // Quotations, emphasis.
    ("The keeper said: “", "The tide waits for nobody.” Then he left."),
    ("It is known for landmarks such as the", "**Louvre Museum** and the old bridges."),
    // After a sentence, a colon or a line.
    ("The harbour wakes early.", "Small boats leave before the sun is up."),
    ("The harbour wakes early. ", "However, the boats leave late in winter."),
    ("The steps are:\n", "1. Open the valve.\n2. Wait for the light."),
    ("The steps are:\n1. Open the valve.\n", "2. Wait for the light.\n3. Close the valve."),
    ("The steps are:\n- Open the valve\n-", "Wait for the light\n- Close the valve"),
    ("## Care\nWater it twice a week.\n\n", "## Light\nPut it near a window to the east."),
    (
        "The wall holds. The boats behind it lie still.",
        "In summary, the wall protects the boats of the harbour.",
    ),
    (
        "Paris is the capital of France and its largest city.",
        "Of course, not every visitor sees more than the centre: most stay two days.",
    ),
    ("Here is how it works:", "The client sends a request and waits."),
    // A heading, a list or a table, within a line.
    ("## The Old", "Harbour\n\nIt was built in 1820."),
    ("- Red apples\n- Green", "Pears\n- Yellow plums"),
    ("| Name | Age |\n|---|---|\n| Ada |", "36 |\n| Alan | 41 |"),
    ("| Name | Age |\n|---|---|\n| Ada | 36 |\n", "| Alan | 41 |\n| Grace | 85 |"),
    // Code.
    ("```python\ndef add(a, b):\n    return", "a + b\n```\nIt adds two numbers."),
    ("```python\nimport os\n", "class Adder:\n    def add(self, a, b):\n        return a + b"),
    ("```rust\nlet x = Some", "(3);\nlet y = None;"),
    ("```go\n// Create the", "Zipkin exporter\nexporter, err := zipkin.New(url)"),
    ("```sql\nSELECT name FROM users\n", "WHERE age > 30\nORDER BY name;"),
    // German: every noun has a capital.
    ("Der Hafen liegt an der", "Küste, wo die Boote im Winter ruhen."),
    ("Das Schiff hat einen neuen", "Motor und wird im Herbst wieder fahren."),
    ("Der Wall schützt die Boote, und die alte", "Mauer nimmt der See die Kraft."),
    ("Die Boote laufen früh aus, und", "Sie sollten daher vor sechs am Kai sein."),
    // Other languages.
    ("Le port se réveille tôt et les bateaux", "partent avant le lever du soleil."),
    ("El puerto despierta temprano y los barcos salen de", "Valencia, donde pasan el invierno."),
    ("Порт просыпается рано, и маленькие лодки", "выходят в море одна за другой."),
    ("每天早上，港口比城镇先醒来。小船排成", "一列离开，海鸥争抢残渣。"),
    ("港は町より先に目を覚ます。小さな船が", "一列に並んで出ていき、かもめが鳴く。"),
    ("항구는 마을보다 먼저 깨어난다. 작은 배들이", "줄을 지어 떠난다."),
    // Formulas that repeat themselves.
    (
        "Monday: the store opens at nine and closes at five.\nTuesday: the store opens at nine and closes at five.\n",
        "Wednesday: the store opens at nine and closes at five.\nThursday: the store is shut.",
    ),
    ("x = compute(a)\ny = compute(b)\n", "z = compute(c)\nw = compute(d)\n"),
];

/// What begins another answer.
const ANOTHER: &[(&str, &str)] = &[
    (
        "a long stone wall takes the first blow",
        "Bread needs flour, water, salt and time. Mix them in the evening.",
    ),
    (
        "a long stone wall takes the first blow",
        "The harbour is a busy place in the morning, and nobody sleeps there.",
    ),
    (
        "Small boats leave in a line, gulls argue over",
        "Here is a short text about the harbour. It wakes before the town.",
    ),
    (
        "Small boats leave in a line, gulls argue over",
        "Sure! A harbour is where boats lie. Gulls live there too, and cranes.",
    ),
    ("gulls argue over scraps, and the old", "I'm sorry, but I can't help with that request."),
    ("gulls argue over scraps, and the old", "Hello! How can I help you today?"),
    (
        "gulls argue over scraps, and the old",
        "As an AI language model, I have no memory of earlier messages.",
    ),
    ("gulls argue over scraps, and the old", "<think>\nThe user wants me to go on."),
    (
        "gulls argue over scraps, and the old",
        "It looks like your message was cut off. Could you send it again?",
    ),
    ("gulls argue over scraps, and the old", "# The Harbour\n\nEach morning begins with a bell."),
    ("gulls argue over scraps, and the old", "## Overview\n\nA harbour has three parts."),
    ("gulls argue over scraps, and the old", "```python\nprint('harbour')\n```"),
    ("gulls argue over scraps, and the old", "1. Boats leave early.\n2. Gulls argue."),
    ("gulls argue over scraps, and the old", "- Boats leave early\n- Gulls argue over scraps"),
    ("gulls argue over scraps, and the old", "| Part | Use |\n|---|---|\n| quay | boats |"),
    (
        "The harbour wakes early, and the boats leave",
        "Boats are built of wood or steel, and need care.",
    ),
    (
        "The harbour wakes early, and the boats leave",
        "**Harbours**: places where ships lie at rest.",
    ),
    (
        "The harbour wakes early, and the boats leave",
        "**Port Louis** is the capital of Mauritius, an island.",
    ),
    (
        "The harbour wakes early, and the boats leave",
        "I think that a harbour is best described in three words.",
    ),
    (
        "The harbour wakes early, and the boats leave",
        "Based on what you asked, a harbour has three uses.",
    ),
    ("The harbour wakes early. It has a long wall.", "I'm sorry, I can't continue this."),
    (
        "The harbour wakes early. It has a long wall.",
        "Apologies for the interruption. What would you like to know?",
    ),
    (
        "Each morning the harbour wakes before the town does. Small boats leave in a line.",
        "Every morning, before the town does, the harbour wakes up. Its small boats then go out.",
    ),
    (
        "The harbour wakes early. Small boats leave in a line, gulls argue over scraps, and the old crane swings slowly above the quay, where fishermen mend their nets.",
        "Preheat your oven, whisk eggs with sugar until pale, then sift flour over that mixture and stir gently.",
    ),
    (
        "```python\ndef add(a, b):\n    return",
        "To add two numbers in Python, you can write a small function.",
    ),
    ("```go\n// Always be", "The main content of this document is an example of a text."),
    (
        "Der Hafen wacht früh auf, und die Boote verlassen den Hafen",
        "Die Boote sind aus Holz und brauchen Pflege.",
    ),
    (
        "Der Hafen wacht früh auf, und die Boote",
        "Hier ist ein kurzer Text über den Hafen. Er wacht auf.",
    ),
    (
        "Le port se réveille tôt et les bateaux",
        "Bien sûr ! Voici un texte sur le port et ses bateaux.",
    ),
    (
        "Le port se réveille tôt et les bateaux",
        "Les ports sont des lieux où les bateaux sont à l'abri.",
    ),
    ("El puerto despierta temprano y los barcos", "Lo siento, no puedo continuar con eso."),
    ("Порт просыпается рано, и маленькие лодки", "Конечно! Порт — это место, где стоят суда."),
    ("每天早上，港口比城镇先醒来。小船排成", "好的，以下是关于港口的短文：港口每天早上醒来。"),
    (
        "港は町より先に目を覚ます。小さな船が",
        "申し訳ありませんが、そのご依頼にはお応えできません。",
    ),
    (
        "每天早上，港口比城镇先醒来。小船排成",
        "The harbour wakes before the town does, and boats leave.",
    ),
    (
        "The harbour wakes before the town, and boats",
        "港口每天早上比城镇先醒来。小船排成一列离开。",
    ),
];

/// What tells the last words again in others, and where it goes on if that can be seen.
const RETOLD: &[(&str, &str, Option<&str>)] = &[
    (
        "When the weather turns, a long stone wall takes the first blow",
        "a tall stone wall takes the first blow of every wave, so that the boats lie still.",
        Some("of every wave, so that the boats lie still."),
    ),
    (
        "gulls argue over scraps, and the old crane swings slowly",
        "and the ancient crane swings slowly above the quay, and nobody looks up at it.",
        Some("above the quay, and nobody looks up at it."),
    ),
    (
        "When the weather turns, a long stone wall takes the first blow",
        "a long stone wall takes the first hit of every wave, so that the boats lie still.",
        None,
    ),
    (
        "When the weather turns, a long stone wall takes the first blow",
        "its first blow is what the long wall of stone takes whenever a wave comes in.",
        None,
    ),
];

#[test]
fn what_goes_on_is_joined() {
    for (said, new) in GOES_ON {
        for manner in BOTH {
            // A prefilled model goes on letter by letter, its blank included.
            let blank = manner == Manner::Prefill
                && said.ends_with(char::is_alphanumeric)
                && new.starts_with(|c: char| c.is_ascii_alphanumeric() || "`*".contains(c));
            let new = if blank { format!(" {new}") } else { (*new).to_owned() };
            let read = splice(said, manner, &new);
            let read = read.unwrap_or_else(|why| panic!("{manner:?}: {said:?} {new:?}: {why}"));
            assert_eq!(read.trim(), new.trim(), "{manner:?}: {said:?}");
        }
    }
}

#[test]
fn another_answer_is_not_joined() {
    for (said, new) in ANOTHER {
        for manner in BOTH {
            let read = splice(said, manner, new);
            assert!(read.is_err(), "{manner:?}: {said:?} {new:?}: {read:?}");
        }
    }
}

#[test]
fn a_retelling_is_cut_or_refused_and_never_glued() {
    for (said, new, rest) in RETOLD {
        for manner in BOTH {
            match (splice(said, manner, new), rest) {
                (Ok(read), Some(rest)) => assert_eq!(read.trim(), *rest, "{manner:?}: {said:?}"),
                (Err(why), None) => assert_eq!(why, NotContinued::Retold, "{said:?} {new:?}"),
                (read, _) => panic!("{manner:?}: {said:?} {new:?}: {read:?}"),
            }
        }
    }
}

#[test]
fn the_verdict_tells_its_why() {
    let why = |said, new| match splice(said, Manner::UserTurn, new) {
        Err(NotContinued::Unfitting(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why("and the old", "Hello! How are you?"), FitWhy::Address);
    assert_eq!(why("takes the first blow", "Bread needs flour and time."), FitWhy::NewSentence);
    assert_eq!(why("takes the first blow", "## Bread\n\nIt is old."), FitWhy::NewBlock);
    assert_eq!(why("takes the first blow", "港口每天早上比城镇先醒来。"), FitWhy::OtherScript);
    let mut splice = Splice::new("takes the first blow", Manner::UserTurn);
    assert_eq!(splice.push("of every ").unwrap(), "");
    assert_eq!(splice.decide().unwrap(), " of every ", "a slow text is judged by what is there");
    assert_eq!(splice.why(), FitWhy::GoesOn.as_str());
    assert_eq!(splice.push("wave.").unwrap(), "wave.");
}

#[test]
fn little_is_held() {
    let mut splice = Splice::new("takes the first blow", Manner::UserTurn);
    let words = (0..40).map(|at| format!("of{at} "));
    let held: usize = words.take_while(|word| splice.push(word).unwrap().is_empty()).count();
    assert!((11..24).contains(&held), "{held}");
    let mut splice = Splice::new("takes the first blow", Manner::UserTurn);
    assert!(splice.push(&"—".repeat(400)).unwrap().len() > 600, "marks alone are judged too");
}

proptest! {
    /// However the text comes in pieces, the verdict is the same.
    #[test]
    fn pieces_do_not_matter(at in 0_usize..GOES_ON.len() + ANOTHER.len(), size in 1_usize..9) {
        let (said, new) = GOES_ON.iter().chain(ANOTHER).nth(at).unwrap();
        let chars: Vec<char> = new.chars().collect();
        let mut splice = Splice::new(said, Manner::UserTurn);
        let mut read = Ok(String::new());
        for piece in chars.chunks(size) {
            let piece: String = piece.iter().collect();
            read = read.and_then(|read: String| Ok(read + &splice.push(&piece)?));
        }
        read = read.and_then(|read| Ok(read + &splice.end()?));
        let whole = super::fit::splice(said, Manner::UserTurn, new);
        prop_assert_eq!(read, whole);
    }
}
