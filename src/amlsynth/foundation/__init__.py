"""What everything stands on: files, errors, YAML, paths of assets; nothing here knows of cohorts."""
