"""The pane: outputs are judged and disputes settled by keys, names hidden."""
