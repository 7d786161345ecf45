"""The demo's people, in the stack's own user pool: a manager and three operators, with passwords that are no secret."""

from __future__ import annotations

import cloud

PASSWORD = "Switchboard-local-1"

PEOPLE = [
    {"email": "manager@switchboard.local", "name": "Maria Manager", "rights": ["CanManageChats"]},
    {"email": "anna@switchboard.local", "name": "Anna Adler", "rights": []},
    {"email": "boris@switchboard.local", "name": "Boris Baum", "rights": []},
    {"email": "clara@switchboard.local", "name": "Clara Conti", "rights": []},
]


def create(pool: str, endpoint: str) -> list[dict]:
    """Makes sure that the people exist, can sign in by password and have their rights; returns them with their passwords."""
    cognito = cloud.client("cognito-idp", endpoint)
    for person in PEOPLE:
        attributes = {"email": person["email"], "email_verified": "true", "name": person["name"]}
        try:
            cognito.admin_create_user(
                UserPoolId=pool,
                Username=person["email"],
                UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
                MessageAction="SUPPRESS",
            )
        except cognito.exceptions.UsernameExistsException:
            continue
        cognito.admin_set_user_password(UserPoolId=pool, Username=person["email"], Password=PASSWORD, Permanent=True)
        for right in person["rights"]:
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=person["email"], GroupName=right)
    return [{**person, "password": PASSWORD} for person in PEOPLE]
