#en: Microsoft Graph: the application may send from the mailboxes of one group, and from no other.
#ja: Microsoft Graph: アプリケーションは、1 つのグループに属するメールボックスからのみ送信できます。
<<part scoped-head>>
$Roles = @('Application Mail.Send') + @(<<large?>> | Where-Object { $_ -eq 'yes' } | ForEach-Object { 'Application Mail.ReadWrite' }) + @(<<read?>> | Where-Object { $_ -eq 'yes' } | ForEach-Object { 'Application Mail.Read' })
<<part scoped-body>>
#en: Application Mail.ReadWrite is there only where messages above 3 MB are wanted (--large), Application Mail.Read only for
#en: lookup = "graph" and bounces (--read). SMTP AUTH may stay disabled.
#ja: Application Mail.ReadWrite は 3 MB を超えるメールを送る場合（--large）、Application Mail.Read は lookup = "graph" と bounces を
#ja: 使う場合（--read）にのみ付与します。SMTP AUTH は無効のままで構いません。
<<part scoped-test>>
