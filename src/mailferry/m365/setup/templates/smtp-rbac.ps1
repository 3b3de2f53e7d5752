#en: SMTP with OAuth: the application may send from the mailboxes of one group, and from no other.
#ja: OAuth による SMTP 送信: アプリケーションは、1 つのグループに属するメールボックスからのみ送信できます。
<<part scoped-head>>
$Roles = @('Application SMTP.SendAsApp') + @(<<read?>> | Where-Object { $_ -eq 'yes' } | ForEach-Object { 'Application Mail.Read' })
<<part scoped-body>>
#en: The SMTP AUTH switch holds for OAuth too. $false on the mailbox wins over the tenant. Undo by hand: Set-CASMailbox ... $null
#ja: SMTP AUTH の設定は OAuth にも適用されます。メールボックスの $false はテナントの設定より優先されます。戻す場合: Set-CASMailbox ... $null
foreach ($mailbox in $Mailboxes) { Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $false }
#en: Only for lookup = "graph" (--read): Sent Items must keep a copy of what is submitted by SMTP, as it does unless told not to.
#ja: lookup = "graph" を使う場合（--read）のみ: SMTP で送信したメールの控えを送信済みアイテムに残します（既定で有効です）。
if ($Roles -contains 'Application Mail.Read') {
    foreach ($mailbox in $Mailboxes) { Set-Mailbox -Identity $mailbox -MessageCopyForSMTPClientSubmissionEnabled $true }
}
<<part scoped-test>>
