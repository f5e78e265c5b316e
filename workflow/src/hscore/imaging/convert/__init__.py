"""Convert: choose the series of each sequence and write volumes, ADC maps and masks, or the reasons why not."""
