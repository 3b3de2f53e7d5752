#en: Stop-gap: Basic authentication off for the tenant, on for named mailboxes, until their clients have changed.
#ja: 暫定措置: テナント全体の基本認証を無効にし、クライアントの移行が済むまで指定したメールボックスに限り有効にします。
#en: Not yet documented by Microsoft: the switch by which an administrator re-enables Basic after the end of December 2026. This script cannot set it.
#ja: Microsoft が未公開: 2026 年 12 月末以降に管理者が基本認証を再度有効にするための設定。このスクリプトでは設定できません。
#en: Undo: -Undo takes the exception away from the mailboxes; the tenant's switch stays off.
#ja: 元に戻す: -Undo でメールボックスの例外を取り消します（テナントの設定は無効のままです）。
#src: learn.microsoft.com, Enable or disable authenticated client SMTP submission; Disable Basic authentication in Exchange Online
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$Mailboxes = <<mailboxes[]>>
$Policy = 'SMTP Basic exception'
<<guard>>
Connect-ExchangeOnline -Organization $TenantId -ShowBanner:$false
if ($Undo) {
    foreach ($mailbox in $Mailboxes) {
        Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $null
        Set-User -Identity $mailbox -AuthenticationPolicy $null -Confirm:$false
    }
    return
}
#en: First the exceptions, then the tenant, so that nothing stops in between.
#ja: 途中で送信が止まらないよう、例外を先に設定してからテナントを変更します。
if (-not (Get-AuthenticationPolicy -Identity $Policy -ErrorAction SilentlyContinue)) { $null = New-AuthenticationPolicy -Name $Policy -AllowBasicAuthSmtp }
foreach ($mailbox in $Mailboxes) {
    Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $false
    Set-User -Identity $mailbox -AuthenticationPolicy $Policy -Confirm:$false
    Set-User -Identity $mailbox -STSRefreshTokensValidFrom ([DateTime]::UtcNow) -Confirm:$false
}
Set-TransportConfig -SmtpClientAuthenticationDisabled $true
Get-CASMailbox -ResultSize Unlimited | Where-Object { $_.SmtpClientAuthenticationDisabled -eq $false } | Format-Table PrimarySmtpAddress, SmtpClientAuthenticationDisabled
