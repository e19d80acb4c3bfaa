"""Who may log in to a class."""

import asyncio
from types import SimpleNamespace

import pytest

from helpers.classroom.image import ROOT

ADA = {"username": "Ada", "password": "ada-has-a-secret"}


@pytest.fixture
def log_in(tmp_path):
    """log_in(class secrets, **form): (user or None, the error shown)."""
    from traitlets.config.loader import PyFileConfigLoader

    def tried(secrets, **typed):
        config = PyFileConfigLoader("authenticator.py", str(ROOT / "deploy")).load_config()
        config.FirstUseAuthenticator.dbm_path = str(tmp_path / "passwords")
        config.ClassAuthenticator.update(secrets)
        page = SimpleNamespace()
        who = asyncio.run(config.JupyterHub.authenticator_class(config=config).authenticate(page, typed))
        return who, getattr(page, "custom_login_error", "")

    return tried


def test_a_new_name_needs_the_class_password_and_then_its_own(log_in):
    secrets = {"class_password": "together"}
    assert "new name" in log_in(secrets, **ADA, otp="guess")[1]
    assert log_in(secrets, **ADA, otp="together") == ("ada", "")
    assert log_in(secrets, **ADA) == ("ada", "")
    assert log_in(secrets, username="ada", password="another-secret", otp="together") == (None, "")


def test_a_hub_without_secrets_lets_nobody_in(log_in):
    assert log_in({}, **ADA, otp="")[0] is None
    assert log_in({}, username="instructor", password="")[0] is None
    assert log_in({"instructor_token": "T" * 32}, username="instructor", password="T" * 32)[0] == {"name": "instructor", "admin": True}
