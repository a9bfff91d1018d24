"""What ``bench/capture.py`` drives: the recorder, rtpengine, a lean caller and the sender of sound."""
