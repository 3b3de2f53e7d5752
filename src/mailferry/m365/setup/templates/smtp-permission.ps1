#en: SMTP with OAuth, the older way: consent to SMTP.SendAsApp, and full access to each mailbox. Prefer smtp-rbac.
#ja: OAuth による SMTP 送信（従来の方式）: SMTP.SendAsApp への同意と、各メールボックスへのフル アクセスを付与します。通常は smtp-rbac を使用してください。
#en: Undo: -Undo takes the rights on the mailboxes away, and the consent.
#ja: 元に戻す: -Undo でメールボックスの権限と同意を取り消します。
#src: learn.microsoft.com, Authenticate an IMAP, POP or SMTP connection using OAuth
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$ClientId = <<client_id>>
$ObjectId = <<object_id>>
$AppName = <<app_name>>
$Mailboxes = <<mailboxes[]>>
<<guard>>
Connect-MgGraph -TenantId $TenantId -Scopes 'Application.Read.All', 'AppRoleAssignment.ReadWrite.All' -NoWelcome
Connect-ExchangeOnline -Organization $TenantId -ShowBanner:$false
$exchange = Get-MgServicePrincipal -Filter "appId eq '00000002-0000-0ff1-ce00-000000000000'"
$role = $exchange.AppRoles | Where-Object Value -EQ 'SMTP.SendAsApp'
$consent = Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ObjectId -All | Where-Object { $_.AppRoleId -eq $role.Id -and $_.ResourceId -eq $exchange.Id }
$sp = Get-ServicePrincipal -Identity $ObjectId -ErrorAction SilentlyContinue
if ($Undo) {
    foreach ($mailbox in $Mailboxes) {
        if ($sp) {
            Remove-MailboxPermission -Identity $mailbox -User $sp.Identity -AccessRights FullAccess -Confirm:$false -ErrorAction SilentlyContinue
            Remove-RecipientPermission -Identity $mailbox -Trustee $sp.Identity -AccessRights SendAs -Confirm:$false -ErrorAction SilentlyContinue
        }
    }
    if ($consent) { Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ObjectId -AppRoleAssignmentId $consent.Id }
    return
}
if (-not $consent) { $null = New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ObjectId -PrincipalId $ObjectId -ResourceId $exchange.Id -AppRoleId $role.Id }
if (-not $sp) { $sp = New-ServicePrincipal -AppId $ClientId -ObjectId $ObjectId -DisplayName $AppName }
foreach ($mailbox in $Mailboxes) {
    $null = Add-MailboxPermission -Identity $mailbox -User $sp.Identity -AccessRights FullAccess
    $null = Add-RecipientPermission -Identity $mailbox -Trustee $sp.Identity -AccessRights SendAs -Confirm:$false
    #en: The SMTP AUTH switch holds for OAuth too. Undo by hand: Set-CASMailbox ... $null
    #ja: SMTP AUTH の設定は OAuth にも適用されます。戻す場合: Set-CASMailbox ... $null
    Set-CASMailbox -Identity $mailbox -SmtpClientAuthenticationDisabled $false
}
Get-CASMailbox -ResultSize Unlimited | Where-Object { $Mailboxes -contains $_.PrimarySmtpAddress } | Format-Table PrimarySmtpAddress, SmtpClientAuthenticationDisabled
