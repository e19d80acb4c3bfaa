"""Who may log in to a class: a name belongs to whoever took it first with the class password.

The hubs of `make class`, of a Swarm and of Zero to JupyterHub load this settings file.
"""

import dbm
import re
from hmac import compare_digest

from firstuseauthenticator import FirstUseAuthenticator
from traitlets import Unicode

INSTRUCTOR = "instructor"


class ClassAuthenticator(FirstUseAuthenticator):
    """A new name also needs the class password; from then on it belongs to its learner."""

    class_password = Unicode(config=True, help="Required for a new name. If empty, no name can be taken.")
    instructor_token = Unicode(config=True, help="The instructor's password. If empty, the instructor cannot log in.")

    async def authenticate(self, handler, data):
        # Spellings that normalize to one user share one password.
        name, password = self.normalize_username(data["username"]), data["password"]
        if name == INSTRUCTOR:
            return {"name": name, "admin": True} if same(password, self.instructor_token) else None
        if not re.fullmatch("[a-z][a-z0-9]{1,30}", name):
            return refused(handler, "A name has 2 to 31 letters and digits, without accents, and starts with a letter.")
        if name not in self.taken() and not same(data.get("otp") or "", self.class_password):
            return refused(handler, "This is a new name: enter the class password too.")
        if len(password.encode()) > 72:
            return refused(handler, "The password is too long.")    # bcrypt's limit
        return await super().authenticate(handler, {**data, "username": name})

    def taken(self):
        """The names that have a password."""
        with dbm.open(self.dbm_path, "c", 0o600) as names:
            return {each.decode() for each in names.keys()}  # noqa: SIM118


def same(given, wanted):
    return bool(wanted) and compare_digest(given.encode(), wanted.encode())


def refused(handler, why):
    handler.custom_login_error = why


c.JupyterHub.authenticator_class = ClassAuthenticator  # noqa: F821
c.FirstUseAuthenticator.min_password_length = 8  # noqa: F821
c.Authenticator.allow_all = True  # noqa: F821
c.Authenticator.admin_users = {INSTRUCTOR}  # noqa: F821
c.Authenticator.request_otp = True  # noqa: F821
c.Authenticator.otp_prompt = "Class password (the first time only):"  # noqa: F821
c.JupyterHub.template_vars = {  # noqa: F821
    "announcement_login": "Choose a name and your own password (at least 8 characters)."}
