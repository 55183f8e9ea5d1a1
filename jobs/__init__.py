"""The jobs: one thin file each, submitted to Spark as it stands."""
