"""The workbench: pages of the records that a query means, their number, and what a filter can be chosen from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from curator.access import require
from curator.annotate import settings
from curator.curate.query import format_query, parse
from curator.errors import CurationError
from curator.store import annotations, batches, facts, indexing, projects, records, saved_views, selection, tallies, traits
from curator.store.records import StoredRecord
from curator.store.saved_views import SavedView
from curator.workspace import Workspace
from schemas.account import Right
from schemas.annotation import Annotation, RecordState
from schemas.query import Bound, Choice, ChoiceField, Cursor, NumberField, RecordQuery, Sort, SortField
from schemas.tally import records_in
