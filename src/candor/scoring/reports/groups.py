"""A report by team and by agent: the same evaluations, counted apart. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from candor.conversation.evaluation import EvaluationSource
from candor.scoring.intervals import mean, wilson
from candor.scoring.reports.model import Group, GroupLine, Judged


@dataclass(slots=True)
class _Counted:
    n: int = 0
    decided: int = 0
    passed: int = 0
    critical: int = 0
    scores: list[float] = field(default_factory=list)

    def take(self, row: Judged) -> None:
        self.n += 1
        self.critical += row.critical_failed
        if row.passed is not None:
            self.decided += 1
            self.passed += row.passed
        if row.score is not None:
            self.scores.append(row.score)

    def line(self) -> GroupLine:
        return GroupLine(
            n=self.n, mean=mean(self.scores, 0.0, 100.0), single=self.scores[0] if len(self.scores) == 1 else None,
            passed=wilson(self.passed, self.decided), critical=wilson(self.critical, self.n),
        )  # fmt: skip


class Groups:
    """Takes evaluations one by one; those of conversations without a team or an agent are in neither table."""

    def __init__(self) -> None:
        self._teams: dict[tuple[str, str], _Counted] = {}
        self._agents: dict[tuple[str, str], _Counted] = {}
        self._newest: dict[str, Judged] = {}

    def take(self, row: Judged) -> None:
        """Count one."""
        if row.team is not None:
            self._teams.setdefault((row.team, row.source), _Counted()).take(row)
        if row.agent_id is not None:
            self._agents.setdefault((row.agent_id, row.source), _Counted()).take(row)
            known = self._newest.get(row.agent_id)
            if known is None or (row.agent is not None, row.started_at) > (known.agent is not None, known.started_at):
                self._newest[row.agent_id] = row

    def teams(self) -> tuple[Group, ...]:
        """By name."""
        return tuple(_group(self._teams, name, name, None) for name in sorted({name for name, _ in self._teams}))

    def agents(self) -> tuple[Group, ...]:
        """By team and name, as the newest conversation has them."""
        found = [
            _group(self._agents, one, newest.agent or one, newest.team) for one, newest in self._newest.items()
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda each: (each.team or "", each.name.casefold(), each.id)))


def _group(counted: dict[tuple[str, str], _Counted], key: str, name: str, team: str | None) -> Group:
    automatic, human = (counted.get((key, source), _Counted()).line() for source in _SOURCES)
    return Group(id=key, name=name, team=team, automatic=automatic, human=human)


_SOURCES = (EvaluationSource.AUTOMATIC.value, EvaluationSource.HUMAN.value)
