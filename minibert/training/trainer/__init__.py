"""Running a long training job: the loop, its settings, its checkpoints, its log, and how it is interrupted."""
