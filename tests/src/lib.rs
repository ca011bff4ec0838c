//! Journeys, sweeps and the error museum.
