"""Somebody who wants in: the cases of the link tests, a machine that does anything in any order, and junk.

Which case stands where (a bare name is a file of this package):

==== ==========================================================================================================
T1   test_any_token, web/test_mutated_tokens, core/signing/test_token_mutations
T4   web/test_mutated_tokens (every purpose, every shape of a token)
T5   test_any_token, web/test_clocks
T7   test_any_token, web/test_links, web/test_headers
T8   test_any_token, web/test_links
T9   test_any_token, web/test_links (a link opened in a second tab)
T10  test_any_token, web/test_csrf
T11  test_any_token, core/link_kinds
T12  test_any_token (links of every purpose), web/test_clocks and e2e/test_many_processes (sessions, two processes)
A1   flows/account/test_sign_up, web/test_link_pages
A3   web/test_races
A4   web/test_enumeration
A5   web/test_old_links_stay_dead, test_links_by_the_book (also of an address that was left before)
A6   core/security/test_addresses, web/test_races
R1   web/test_old_links_stay_dead
R3   test_sessions_by_the_book
R5   flows/account/test_reset_password, test_state_machine
R9   web/test_origins
R10  web/test_enumeration
R11  web/test_enumeration, e2e/test_mail_goes_out
I1   web/test_links, flows/invites/test_link
I3   flows/invites/test_link: sending again never kills a link that is out; the two are one invitation
I4   flows/invites/test_rights
I5   web/test_links, flows/invites/test_rights
I6   web/test_roles
I7   web/test_races
E1   test_links_by_the_book
E2   test_links_by_the_book
E4   test_links_by_the_book
E6   test_links_by_the_book, test_sessions_by_the_book
L1   test_sessions_by_the_book
L2   test_sessions_by_the_book
L4   test_sessions_by_the_book
L5   test_sessions_by_the_book
S2   test_sessions_by_the_book
S3   test_sessions_by_the_book, web/test_sessions
S4   test_sessions_by_the_book, web/test_return_targets
K2   test_config, core/signing/test_keys, web/test_host_keys
K3   web/test_two_apps
==== ==========================================================================================================

There are no second factors here (L3).
"""
