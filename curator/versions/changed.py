"""Changed: what a freeze has to read, since the last one knows the rest.

A row of the last version is kept when all of its candidates are there and no new one has its content. The candidates
of every other row are gathered, those that are known among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator.pool import Pool
from curator.quality.contamination import Firewall
from curator.quality.sorting import ordered
from curator.store.accepted import Places
from curator.versions import keyed
from curator.versions.carried import Carried, candidate_ids
from curator.versions.gathering import Ranges, Wanted, gather_parts
from curator.versions.history import History, Past, code, joined, matches
from curator.versions.keyed import Rows
from schemas.version import Split

_MOST = 200_000
"""Candidates beyond which everything is read anew: their rows would not fit in memory."""


class Stock(NamedTuple):
    """All candidates of a project that stand in parts, (C,) each."""

    wanted: Wanted
    records: NDArray[np.int64]
    """Key of the record of each; -1 for a later arrival of one."""


def stock_of(places: Places) -> Stock:
    """All candidates, records first."""
    rows = np.concatenate([places.records, places.arrivals])
    records = rows[:, 0].copy()
    records[len(places.records) :] = -1
    return Stock(Wanted(rows[:, 1], rows[:, 2], candidate_ids(places, rows)), records)


class Gathering:
    """Gathers the candidates of a freeze into ranges."""

    def __init__(self, folder: Path, places: Places, ranges: Ranges, firewall: Firewall, salt: str) -> None:
        """Begin; what stands in the database is in the ranges already."""
        self.ranges = ranges
        self._stock = stock_of(places)
        self._parts = {part: (folder / name, sha256) for part, (name, sha256) in places.parts.items()}
        self._firewall, self._salt = firewall, salt
        self._known: NDArray[np.int64] | None = None

    def is_close_to(self, last: Carried) -> bool:
        """Whether little enough changed since the last freeze to go on from it."""
        new = int((self._places_in(last) < 0).sum())
        return new <= min(_MOST, len(last.candidates) // 2)

    def gather(self, last: Carried | None, pool: Pool) -> tuple[Rows, NDArray[np.uint64]]:
        """Gather what is not known. Returns the rows, and the ids of candidates that hold a test prompt."""
        ids = self._stock.wanted.ids
        if last is None:
            refused = self._gather(np.ones(len(ids), bool), pool)
            return keyed.rows_of(self.ranges.read_keys()), refused
        place = self._places_in(last)
        is_known = place >= 0
        is_refused = np.isin(ids, last.refused) if len(last.refused) else np.zeros(len(ids), bool)
        refused = self._gather(~is_known & ~is_refused, pool)
        is_there = np.zeros(len(last.candidates), bool)
        is_there[place[is_known]] = True
        is_affected = np.zeros(len(last.hashes), bool)
        is_affected[last.row_of[~is_there]] = True
        is_affected[last.from_database] = True
        for _, rows in matches(keyed.hashes_in(self.ranges.read_keys()), last.hashes):
            is_affected[rows] = True
        again = is_known.copy()
        again[is_known] = is_affected[last.row_of[place[is_known]]]
        self._gather(again, pool)
        rows_now = keyed.rows_of(self.ranges.read_keys(), last, np.flatnonzero(~is_affected))
        return rows_now, np.concatenate([refused, ids[is_refused]])

    def gather_again(self, rows: NDArray[np.int64], known: Rows, pool: Pool) -> None:
        """Gather the candidates of rows that were kept."""
        if not len(rows):
            return
        is_wanted = np.zeros(known.size, bool)
        is_wanted[rows] = True
        self._gather(np.isin(self._stock.wanted.ids, known.candidates[is_wanted[known.row_of]]), pool)

    def _places_in(self, last: Carried) -> NDArray[np.int64]:
        """Place of each candidate of the stock among those of the last freeze, -1 for a new one, (C,)."""
        if self._known is None:
            ids = self._stock.wanted.ids
            order, in_order = ordered(ids)
            place = np.minimum(np.searchsorted(last.candidates, in_order), max(0, len(last.candidates) - 1))
            is_known = last.candidates[place] == in_order if len(last.candidates) else np.zeros(len(ids), bool)
            self._known = np.full(len(ids), -1, np.int64)
            self._known[order[is_known]] = place[is_known]
        return self._known

    def _gather(self, chosen: NDArray[np.bool_], pool: Pool) -> NDArray[np.uint64]:
        every = self._stock.wanted
        wanted = Wanted(every.parts[chosen], every.rows[chosen], every.ids[chosen])
        refused = gather_parts(wanted, self._parts, self.ranges, pool, firewall=self._firewall, salt=self._salt)
        return np.array(refused, np.uint64)

    def records_of(self, ids: NDArray[np.uint64]) -> list[str]:
        """Ids of the records among some candidates."""
        records = self._stock.records[np.isin(self._stock.wanted.ids, ids)]
        return [str(key) for key in records.tolist() if key >= 0]


def history_of(last: Carried, number: int, rows: Rows) -> History:
    """Where all rows stood, from what the last freeze knows, whose version has this number."""
    codes = code(last.ages, last.places.astype(np.int64))
    told = [
        Past(last.hashes, codes, np.full(len(codes), number)),
        Past(last.known_hashes, codes[last.known_rows], np.full(len(last.known_rows), number)),
        last.past,
    ]
    age = np.full(rows.size, 2**62, np.int64)
    newest = np.full(rows.size, -1, np.int64)
    is_kept = rows.carried_row >= 0
    is_there = np.zeros(len(codes), bool)
    is_there[rows.carried_row[is_kept]] = True
    stays = [is_there, is_there[last.known_rows], np.zeros(len(last.past.stood), bool)]
    past = []
    for each, stay in zip(told, stays, strict=True):
        for known, place in matches(rows.known.hashes, each.hashes):
            row = rows.known.rows[known]
            np.minimum.at(age, row, each.stood[place] // len(Split))
            np.maximum.at(newest, row, code(each.newest[place], each.stood[place] % len(Split)))
            stay[place] = True
        past.append(Past(*(column[~stay] for column in each)))
    stood = np.where(newest >= 0, code(age, newest % len(Split)), -1)
    stood[is_kept] = codes[rows.carried_row[is_kept]]
    return History(stood, [], joined(past))
