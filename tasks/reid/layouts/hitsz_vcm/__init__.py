"""HITSZ-VCM: reader, check, writer and maker of tracklets listed by rows of names."""
