"""The method once more, by another path: plain Python and fractions over the facts, as docs/method.md words it.

Nothing is taken from the models behind the answers: milestones, plans in force, days and lines are made anew from
plans, targets and figures.
"""

import math
from calendar import monthrange
from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction

NO_ANSWER = ("reached", "conflict", "by_hand")  # nothing left to gain, or no one figure to gain it for
MONTH = Fraction("30.4375")


def measured(period):
    """The last calendar day of the period's last month."""
    year, _, part = period.partition("-")
    named = {"": 12, "9M": 9, "H1": 6, "H2": 12, "Q1": 3, "Q2": 6, "Q3": 9, "Q4": 12}
    month = named[part] if part in named else int(part)
    return date(int(year), month, monthrange(int(year), month)[1])


def exact(row):
    """A row with its figures as fractions."""
    figures = ("numerator", "denominator", "value", "value_high")
    return {name: Fraction(x) if name in figures and x is not None else x for name, x in row.items()}


# ---------------------------------------------------------------- one figure against one milestone


class Milestone:
    """The targets of one day: one figure, or words, or a conflict."""

    def __init__(self, on, targets):
        self.on = on
        self.value = min((t["value"] for t in targets if t["value"] is not None), default=None)
        self.is_conflict = len({(t["value"], t["value_high"]) for t in targets}) > 1
        self.is_text = all(t["operator"] == "text" for t in targets)
        self.is_strict = any(t["operator"] == ">" for t in targets)

    def status(self, figure, indicator, there, not_there):
        if figure is None:
            return "no_figure"
        if self.is_text and indicator["kind"] != "yes_no":
            return "by_hand"
        if figure["value"] is None:
            return "no_rate"
        if self.is_conflict:
            return "conflict"
        goal = 1 if self.value is None else self.value  # words for a yes/no indicator ask for yes
        beyond = sign(indicator) * (figure["value"] - goal)
        return there if beyond > 0 or (beyond == 0 and not self.is_strict) else not_there


def sign(indicator):
    return -1 if indicator["direction"] == "lower_is_better" else 1


def judge(day, answers_on, held_on, figure, values, milestones, indicator):
    """Every input and status of one figure. values: the figures of its series by day.

    day: the last one of the figure's period. answers_on: the day whose milestones it stands between, in a period that
    is not over today. held_on: the day up to which a milestone passed counts for its level.
    """
    in_force = max((m for m in milestones if m.on <= held_on), key=lambda m: m.on, default=None)
    ahead = min((m for m in milestones if m.on > answers_on), key=lambda m: m.on, default=None)
    a, t = (x.get("value") if x else None for x in (figure, ahead and vars(ahead)))
    since, b, source = baseline(day, answers_on, values, milestones)
    e = None
    if None not in (b, t) and not ahead.is_conflict and since < day:
        e = b + (t - b) * min(Fraction((day - since).days, (ahead.on - since).days), 1)
    pace = (a - b) / (e - b) if None not in (a, e) and e != b else None
    towards = pace_status(pace, e, None not in (b, t) and sign(indicator) * (t - b) <= 0)
    answer = {
        "value": a,
        "in_force_on": in_force and in_force.on,
        "in_force_value": in_force and in_force.value,
        "next_on": ahead and ahead.on,
        "next_value": t,
        "baseline_from": source,
        "baseline_on": since,
        "baseline_value": b,
        "expected_value": e,
        "pace": pace,
        "gap_to_next": t - a if None not in (a, t) else None,
        "days_to_next": (ahead.on - day).days if ahead else None,
        "level_status": in_force.status(figure, indicator, *level_words(figure)) if in_force else "not_due",
        "pace_status": ahead.status(figure, indicator, "reached", towards) if ahead else "no_next",
    }
    if not milestones:
        answer |= {"level_status": "no_target" if figure else "no_figure", "pace_status": "no_target"}
    is_open = answer["pace_status"] not in NO_ANSWER and answer["gap_to_next"] is not None
    months = Fraction(answer["days_to_next"] or 0) / MONTH
    answer["required_monthly_gain"] = answer["gap_to_next"] / months if is_open else None
    return answer | forecast(day, a, values, ahead, indicator, is_open)


def level_words(figure):
    return ("estimate_met", "estimate_not_met") if figure and figure["is_estimate"] else ("met", "not_met")


def baseline(day, answers_on, values, milestones):
    """Day, figure and source: the figure at the last milestone passed, else the first one."""
    passed = max((m.on for m in milestones if m.on <= answers_on), default=date.min)
    if by_then := [on for on in values if on <= passed]:
        return passed, values[max(by_then)], "milestone"
    first = min(values, default=day)
    return (first, values[first], "first_actual") if first < day else (None, None, None)


def pace_status(pace, expected, is_past):
    if expected is None or (pace is None and not is_past):
        return "no_baseline"
    if is_past or pace < 0:
        return "backwards"
    return "on_track" if pace >= Fraction("0.95") else "behind" if pace >= Fraction("0.6") else "at_risk"


def forecast(day, a, values, ahead, indicator, is_open):
    """Least squares through the last six figures: slope = Sxy / Sxx, R² = Sxy² / (Sxx Syy)."""
    names = ("meets_on", "at_next", "points", "fit", "confidence")
    told = dict.fromkeys(f"forecast_{name}" for name in names)
    points = [(on.toordinal(), values[on]) for on in sorted(values) if on <= day][-6:]
    if a is None or len(points) < 3:
        return told
    x_mean, y_mean = (Fraction(sum(axis)) / len(points) for axis in zip(*points, strict=True))
    sxx = sum((x - x_mean) ** 2 for x, _ in points)
    syy = sum((y - y_mean) ** 2 for _, y in points)
    sxy = sum((x - x_mean) * (y - y_mean) for x, y in points)
    gain, fit = sxy / sxx, sxy**2 / (sxx * syy) if syy else Fraction(1)
    told |= {"forecast_points": len(points), "forecast_fit": fit}
    told["forecast_confidence"] = "high" if fit >= Fraction("0.9") else "medium" if fit >= Fraction("0.6") else "low"
    if ahead:
        at_next = a + gain * (ahead.on.toordinal() - day.toordinal())
        told["forecast_at_next"] = min(max(at_next, 0), 100) if indicator["unit_of_measure"] == "%" else at_next
    if is_open and sign(indicator) * gain > 0:
        days = math.ceil((ahead.value - a) / gain)
        told["forecast_meets_on"] = day + timedelta(days) if days <= (date(2100, 1, 1) - day).days else None
    return told


# ---------------------------------------------------------------- all lines of a warehouse


class Facts:
    """Plans, targets and figures of a published warehouse, and the lines that follow from them."""

    def __init__(self, ask):
        def rows(table):
            columns = [name for name, *_ in ask(f"DESCRIBE {table}")]
            return [exact(dict(zip(columns, row, strict=True))) for row in ask(f"FROM {table}")]

        [[self.today]] = ask("SELECT as_of_on FROM core.dim_build")
        self.plans, self.targets = rows("core.dim_plan"), rows("core.fct_target")
        self.indicators = {n["indicator_code"]: n for n in rows("core.dim_indicator")}
        names = ("commune_code", "indicator_code", "agency_code")
        duties = {tuple(row[name] for name in names) for row in rows("core.bridge_indicator_duty")}
        asked = {(a["period_code"], a["frequency"]) for a in rows("core.bridge_period_asked")}
        due = {(d["commune_code"], d["period_code"]) for d in rows("core.dim_due") if d["asked_on"] <= self.today}
        ends = {p["period_code"]: p["ends_on"] for p in rows("core.dim_period")}
        followed = {tuple(f[name] for name in names[:2]): f["followed_from"] for f in rows("core.known_followed")}
        self.figures = {}
        for f in rows("core.fct_actual"):
            if f["is_current"] and not f["is_withdrawn"] and tuple(f[name] for name in names) in duties:
                self.figures[f["commune_code"], f["indicator_code"], f["period_code"]] = f
        self.series = defaultdict(set)
        for commune, code, _ in duties:
            frequency = self.indicators[code]["frequency"]
            owed = {period for owing, period in due if owing == commune and (period, frequency) in asked
                    and ends[period] >= followed.get((commune, code), date.min)}  # fmt: skip
            for period in owed | {p for c, i, p in self.figures if (c, i) == (commune, code)}:
                scopes = {t["scope"] for t in self.in_force(commune, code, measured(period))}
                for scope in scopes or ({""} if (commune, code) in followed else ()):
                    self.series[commune, code, scope].add(period)

    def in_force(self, commune, code, day):
        """The targets of the plans in force on a day; before the first of them, those of the first."""
        own = [p for p in self.plans if p["commune_code"] == commune]
        day = max(day, min(p["in_force_from"] for p in own))
        now = {p["plan_id"] for p in own if p["in_force_from"] <= day < (p["in_force_to"] or date.max)}
        return [t for t in self.targets if t["plan_id"] in now and t["indicator_code"] == code]

    def judged(self, commune, code, scope):
        """Period and answer, for every period of one series, in order."""
        found = {period: self.figures.get((commune, code, period)) for period in self.series[commune, code, scope]}
        # Where a month ends together with a longer period, the figure of that day is the month's.
        order = sorted(found, key=lambda period: (measured(period), period[5:].isdigit()))
        values = {measured(p): found[p]["value"] for p in order if found[p] and found[p]["value"] is not None}
        latest = max(order, key=lambda p: (found[p] is not None, measured(p), p[5:].isdigit()))
        for period in order:
            day, milestones = measured(period), defaultdict(list)
            for target in self.in_force(commune, code, day):
                if target["scope"] == scope:
                    milestones[target["milestone_on"]].append(target)
            is_estimate = bool(found[period] and found[period]["is_estimate"])
            answers_on = min(day, self.today)
            held_on = self.today if period == latest else answers_on
            if is_estimate:  # what is expected of a year is compared with the milestone of that year
                held_on = max(day, held_on)
            known = [Milestone(on, milestones[on]) for on in milestones]
            answer = judge(day, answers_on, held_on, found[period], values, known, self.indicators[code])
            yield period, answer | {"is_latest": period == latest}
