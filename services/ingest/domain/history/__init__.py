"""Order exports of shop platforms: the columns their admins export, and what a row of them says."""
