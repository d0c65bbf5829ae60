"""Facility reports and workforce counts into DHIS2, with a proof for every number."""
