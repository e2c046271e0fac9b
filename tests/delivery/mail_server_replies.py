"""What mail servers really answer, and what it means: words of their documentation and of what users report."""

from __future__ import annotations

from accounts.delivery.refusals import Blame
from tests.servers.smtp import Verb

US, RECIPIENT, NOBODY = Blame.US, Blame.RECIPIENT, Blame.NOBODY

REPLIES: tuple[tuple[str, Verb, str, Blame], ...] = (
    # Before anybody was named
    ("postscreen", "CONNECT", "521 5.7.1 Service unavailable; client blocked using zen.spamhaus.org", US),
    ("Gmail", "CONNECT", "421 4.7.0 Try again later, closing connection.", US),
    ("Outlook.com", "CONNECT", "550 5.7.1 Messages weren't sent. Part of your network is on our block list.", US),
    ("Yahoo", "CONNECT", "553 5.7.1 [BL21] Connections will not be accepted from 203.0.113.7", US),
    ("Postfix", "CONNECT", "421 4.7.0 sink.example Error: too many connections from 203.0.113.7", NOBODY),
    ("Postfix", "CONNECT", "421 4.3.2 All server ports are busy", NOBODY),
    ("Exchange Online", "MAIL", "530 5.7.57 Client not authenticated to send mail.", US),
    ("Postfix", "MAIL", "553 5.7.1 <robot>: Sender address rejected: not owned by user robot", US),
    ("SendGrid", "MAIL", "550 Unauthenticated senders not allowed", US),
    ("Exim", "MAIL", "550 Sender verify failed", US),
    ("SES", "MAIL", "454 Throttling failure: Maximum sending rate exceeded.", US),
    ("Postfix", "MAIL", "452 4.3.1 Insufficient system storage", NOBODY),
    # About what we are, at the recipient or the message
    ("Postfix", "RCPT", "504 5.5.2 <ctr>: Helo command rejected: need fully-qualified hostname", US),
    ("Postfix", "RCPT", "450 4.7.1 Client host rejected: cannot find your reverse hostname, [203.0.113.7]", US),
    ("iCloud", "RCPT", "450 4.7.1 <neko.example>: Helo command rejected: Host not found", US),
    ("Postfix", "RCPT", "554 5.7.1 <anna>: Relay access denied", US),
    ("qmail", "RCPT", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", US),
    ("Exim", "RCPT", "550 relay not permitted", US),
    ("Exim", "RCPT", "550 Administrative prohibition", US),
    ("Exim", "RCPT", "550 Rejected because 203.0.113.7 is in a black list at zen.spamhaus.org", US),
    ("cPanel", "RCPT", "550 Domain example.org has exceeded the max emails per hour (101/100 (101%)) allowed.", US),
    ("outMail", "RCPT", "554 5.7.1 <anna>: Recipient address rejected: You have exceeded your Outmail quota.", US),
    ("Gmail", "RCPT", "550 5.4.5 Daily user sending quota exceeded. gsmtp", US),
    ("a hoster", "RCPT", "550 User has exceeded outgoing email quota", US),
    ("mailcow", "BODY", '451 4.7.1 Ratelimit "user" exceeded', US),
    ("SPF", "RCPT", "550 5.7.1 SPF check failed", US),
    ("RFC 7372", "RCPT", "550 5.7.23 SPF validation failed", US),
    ("Gmail", "BODY", "550 5.7.26 Blocked because the sender is unauthenticated.", US),
    ("Gmail", "BODY", "421 4.7.28 An unusual rate of unsolicited email originates from your IP address.", US),
    ("Gmail", "BODY", "552 5.7.0 This message was blocked because of its content.", US),
    ("Exchange", "BODY", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", US),
    ("Exchange Online", "BODY", "554 5.2.0 STOREDRV:SubmissionQuotaExceededException.MapiExceptionQuota", US),
    ("Exchange Online", "BODY", "550 5.1.90 You've reached your daily limit for message recipients", US),
    ("Exchange Online", "BODY", "550 5.1.8 Access denied, bad outbound sender", US),
    ("Exchange Online", "BODY", "550 5.7.708 Access denied, traffic not accepted from this IP", US),
    ("SES", "BODY", "554 Message rejected: Email address is not verified.", US),
    ("SES", "BODY", "454 Throttling failure: Daily message quota exceeded.", US),
    ("SendGrid", "BODY", "550 The from address does not match a verified Sender Identity.", US),
    ("Mailgun", "BODY", "421 Domain example.org is not allowed to send: Please activate your Mailgun account.", US),
    ("Mailgun", "BODY", "554 Sandbox subdomains are for test purposes only. Please add your own domain.", US),
    ("Barracuda", "BODY", "554 Client host [203.0.113.7] blocked using Barracuda Reputation", US),
    ("a filter", "BODY", "550 spam detected", US),
    ("a provider", "BODY", "554 Too busy for you, please try again later", US),
    # About the recipient
    ("Postfix", "RCPT", "550 5.1.1 <anna>: Recipient address rejected: User unknown", RECIPIENT),
    ("Gmail", "RCPT", "550 5.1.1 The email account that you tried to reach does not exist.", RECIPIENT),
    ("Gmail", "RCPT", "550 5.2.1 The email account that you tried to reach is disabled.", RECIPIENT),
    ("Gmail", "RCPT", "552 5.2.2 The email account that you tried to reach is over quota.", RECIPIENT),
    ("Exchange Online", "RCPT", "550 5.4.1 Recipient address rejected: Access denied.", RECIPIENT),
    ("Outlook.com", "RCPT", "550 5.5.0 Requested action not taken: mailbox unavailable", RECIPIENT),
    ("Yahoo", "BODY", "554 delivery error: dd This user doesn't have a yahoo.com account", RECIPIENT),
    ("Yahoo", "BODY", "554 30 Sorry, your message cannot be delivered. This mailbox is disabled", RECIPIENT),
    ("qmail", "BODY", "550 sorry, no mailbox here by that name (#5.1.1)", RECIPIENT),
    ("Exim", "RCPT", "550 Unrouteable address", RECIPIENT),
    ("Exim", "RCPT", "501 <anna>: missing or malformed local part", RECIPIENT),
    ("sendmail", "RCPT", "550 5.3.0 anna... User unknown", RECIPIENT),
    ("Zoho", "RCPT", "550 5.0.1 Recipient rejected", RECIPIENT),
    ("RFC 7504", "RCPT", "556 5.1.10 Recipient address has null MX", RECIPIENT),
    # About this email, for now
    ("postgrey", "RCPT", "450 4.2.0 <anna>: Recipient address rejected: Greylisted, come back later", NOBODY),
    ("rspamd", "BODY", "451 4.7.1 Try again later: greylisted", NOBODY),
    ("Gmail", "RCPT", "452 4.2.2 The email account that you tried to reach is over quota.", NOBODY),
    ("Gmail", "RCPT", "450 4.2.1 The user is receiving mail too quickly. Please resend at a later time.", NOBODY),
    ("Gmail", "RCPT", "550 5.2.1 The user is receiving mail at a rate too high. Resend at a later time.", NOBODY),
    ("Postfix", "RCPT", "450 4.1.2 <anna>: Recipient address rejected: Domain not found", NOBODY),
    ("Postfix", "BODY", "554 5.4.6 Too many hops", NOBODY),
    ("a relay", "BODY", "554 Transaction failed", NOBODY),
    ("a relay", "BODY", "552 5.3.4 Message size exceeds fixed limit", NOBODY),
    ("a filter", "BODY", "554 5.6.0 Message content rejected", NOBODY),
)  # fmt: skip
"""Of whom, at which verb, the answer, and what it is about."""
