//! How the figures of the status page come about, in the words of the page about it. The counting
//! itself is done elsewhere.

use super::lang::Lang;

/// The paragraphs of the page.
pub(crate) fn paragraphs(lang: Lang) -> Vec<&'static str> {
    lang.pick(EN, ZH).to_vec()
}

const EN: &[&str] = &[
    "Four kinds of evidence are watched for each service: our own probes, the requests of our own products, what people report, and the provider’s official page. One kind alone makes an outage suspected; it is confirmed when a second, independent kind agrees, or when our own traffic alone leaves no doubt.",
    "“Of requests” is the share of our own requests in ninety days that were answered well. What failed through our own keys, limits or network is not the provider’s fault and is left out. “Of minutes” is the share of minutes without an outage, as we measured them, where we send no requests ourselves.",
    "Official pages count by their own rules. By the common one a minute of partial outage counts three tenths of a minute, and slowness counts nothing. By the stricter one every minute of a partial or a major outage counts in full. Both are shown, so that pages can be compared.",
    "A stone of the wall is one day (UTC) and takes the colour of the worst that was recorded on it. A day of which nothing is known is a gap. Planned work counts as nobody’s outage.",
    "“Stayed green for” is the time from the start of an outage, as far as the evidence reaches back, to the first post on the official page. It keeps counting until there is one.",
    "A report is counted once in two hours for each person and service. The pale band under the reports is what is usual for that hour of the week. Reports alone never confirm an outage.",
    "A headline speaks of this minute. What was wrong earlier today stays in the wall and in the history.",
];

const ZH: &[&str] = &[
    "每项服务都有四类证据：我们自己的探测、我们产品的请求、用户的报告，以及服务商的官方页。仅有一类证据时为疑似故障；有第二类独立证据，或自有流量本身已毫无疑问时，才予以确认。",
    "“按请求计”是九十天内我们自己的请求得到良好应答的比例；因我们自己的密钥、限额或网络而失败的请求不算服务商的过错，不计入。“按分钟计”是我们测得的无故障分钟的比例，用于我们自己不发送请求的服务。",
    "官方页有自己的计算规则。常见的规则将部分故障的一分钟计为十分之三分钟，变慢不计。更严格的规则将部分故障和重大故障的每一分钟都全部计入。两者都列出，以便比较。",
    "墙上的一块石头是一天（UTC），颜色取当天记录到的最严重的情况。一无所知的日子是空缺。计划维护不计为故障。",
    "“仍显示正常”的时间，是从证据所及的故障开始，到官方页第一次公告为止。没有公告时继续计时。",
    "每人每项服务两小时内的报告计一次。报告图下的浅色带是一周中该时段的平常范围。仅凭报告不能确认故障。",
    "标题说的是这一分钟。今天早些时候的故障留在墙上和历史中。",
];
