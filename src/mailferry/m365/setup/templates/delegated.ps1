#en: SMTP or Graph as a signed-in user: a public client application with delegated permissions. Then: mailferry login
#ja: サインインしたユーザーとして送信: 委任されたアクセス許可を持つパブリック クライアントを登録します。その後: mailferry login
#en: Undo: -Undo deletes the application; sign-ins end with it.
#ja: 元に戻す: -Undo でアプリケーションを削除します。サインインも無効になります。
#src: learn.microsoft.com, Authenticate an IMAP, POP or SMTP connection using OAuth; New-MgApplication
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$AppName = <<app_name>>
$Mailboxes = <<mailboxes[]>>
<<guard>>
Connect-MgGraph -TenantId $TenantId -Scopes 'Application.ReadWrite.All' -NoWelcome
$app = @(Get-MgApplication -All | Where-Object DisplayName -CEQ $AppName)
if ($app.Count -gt 1) { throw "There are $($app.Count) applications of that name; rename all but one." }
if ($Undo) {
    if ($app -and $PSCmdlet.ShouldProcess($AppName, 'delete the application')) { Remove-MgApplication -ApplicationId $app[0].Id }
    return
}
$exchange = Get-MgServicePrincipal -Filter "appId eq '00000002-0000-0ff1-ce00-000000000000'"
$send = $exchange.Oauth2PermissionScopes | Where-Object Value -EQ 'SMTP.Send'
$access = @{ ResourceAppId = $exchange.AppId; ResourceAccess = @(@{ Id = $send.Id; Type = 'Scope' }) }
if (-not $app) {
    $app = @(New-MgApplication -DisplayName $AppName -SignInAudience AzureADMyOrg -IsFallbackPublicClient -PublicClient @{ RedirectUris = @('http://localhost') } -RequiredResourceAccess @($access))
    $null = New-MgServicePrincipal -AppId $app[0].AppId
}
Connect-ExchangeOnline -Organization $TenantId -ShowBanner:$false
foreach ($mailbox in $Mailboxes) { Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $false }
[pscustomobject]@{ client_id = $app[0].AppId; tenant_id = $TenantId }
