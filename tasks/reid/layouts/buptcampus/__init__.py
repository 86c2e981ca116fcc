"""BUPTCampus: reader, check, writer and maker of tracklets in aligned pairs."""
