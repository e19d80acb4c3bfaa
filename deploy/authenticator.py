"""Who may log in to a class: names that belong to whoever took them first, behind the class's password.

A file of settings: the hub of `make class`, of a Swarm and of Zero to JupyterHub load it.
"""

import dbm
import re
from hmac import compare_digest

from firstuseauthenticator import FirstUseAuthenticator
from traitlets import Unicode

INSTRUCTOR = "instructor"


class ClassAuthenticator(FirstUseAuthenticator):
    """A name that nobody has yet takes the class's password too; from then on it is its learner's."""

    class_password = Unicode(config=True, help="What a new name takes. Without one, no name can be taken.")
    instructor_token = Unicode(config=True, help="Password of the instructor. Without one, there is no instructor.")

    async def authenticate(self, handler, data):
        # Two spellings of a name are one user, and have to be one password.
        name, password = self.normalize_username(data["username"]), data["password"]
        if name == INSTRUCTOR:
            return {"name": name, "admin": True} if same(password, self.instructor_token) else None
        if not re.fullmatch("[a-z][a-z0-9]{1,30}", name):
            return refused(handler, "A name has 2 to 31 letters and digits, without accents, and begins with a letter.")
        if name not in self.taken() and not same(data.get("otp") or "", self.class_password):
            return refused(handler, "Nobody has this name yet: taking it needs the password of the class.")
        if len(password.encode()) > 72:
            return refused(handler, "The password is too long.")    # bcrypt takes no more
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
c.Authenticator.otp_prompt = "Password of the class (the first time only):"  # noqa: F821
c.JupyterHub.template_vars = {  # noqa: F821
    "announcement_login": "Choose a name and a password of your own (8 characters or more)."}
