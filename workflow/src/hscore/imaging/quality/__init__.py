"""Quality: indicators and a montage of each patient's images, for radiologists to review."""
