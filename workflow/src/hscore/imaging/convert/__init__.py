"""Convert: choose the series of each sequence; write volumes, ADC maps and masks, or record why they cannot be used."""
