"""Maintenance: doctor, first run, opening JupyterLab, cleaning up."""
