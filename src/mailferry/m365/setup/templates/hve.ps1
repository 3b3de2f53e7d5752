#en: A High Volume Email account: internal recipients only, metered since June 2026 by a pay-as-you-go billing policy.
#ja: High Volume Email アカウント: 宛先は組織内のみ。2026 年 6 月から従量課金ポリシーによる課金の対象です。
#en: Undo: -Undo takes the application's access away and deletes the account.
#ja: 元に戻す: -Undo でアプリケーションのアクセスを取り消し、アカウントを削除します。
#src: learn.microsoft.com, Manage high volume emails for Microsoft 365; Add-HVEAppAccess
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$ObjectId = <<object_id>>
$Account = <<hve_account>>
$ReplyTo = <<reply_to?>>
$BillingPolicyId = <<billing_policy>>
<<guard>>
Connect-ExchangeOnline -Organization $TenantId -ShowBanner:$false
$known = Get-MailUser -Identity $Account -HVEAccount -ErrorAction SilentlyContinue
if ($Undo) {
    if ($known) {
        Remove-HVEAppAccess -Identity $Account -AppIds $ObjectId -ErrorAction SilentlyContinue
        Remove-MailUser -Identity $Account
    }
    return
}
if (-not $known) {
    #en: The password is asked for; the gateway does not need it, it signs in by OAuth.
    #ja: パスワードの入力を求められます。ゲートウェイは OAuth でサインインするため、このパスワードは使用しません。
    $password = Read-Host -AsSecureString -Prompt "Password for $Account"
    $null = New-MailUser -HVEAccount -Name $Account.Split('@')[0] -Password $password -PrimarySmtpAddress $Account
}
Get-BillingPolicy -ResourceType HVE | Format-Table
Set-HVEAccountBillingPolicy -Identity $Account -BillingPolicyId $BillingPolicyId
if ($ReplyTo) { Set-HVEAccountSettings -Identity $Account -ReplyTo $ReplyTo }

#en: OAuth: the application permission Mail.Send of Office 365 Exchange Online, with consent. By itself it sends nothing.
#ja: OAuth: Office 365 Exchange Online のアプリケーションの許可 Mail.Send と管理者の同意が必要です。これだけでは送信できません。
Connect-MgGraph -TenantId $TenantId -Scopes 'Application.Read.All', 'AppRoleAssignment.ReadWrite.All' -NoWelcome
$exchange = Get-MgServicePrincipal -Filter "appId eq '00000002-0000-0ff1-ce00-000000000000'"
$role = $exchange.AppRoles | Where-Object { $_.Value -eq 'Mail.Send' -and $_.AllowedMemberTypes -contains 'Application' }
$consent = Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ObjectId -All | Where-Object { $_.AppRoleId -eq $role.Id -and $_.ResourceId -eq $exchange.Id }
if (-not $consent) { $null = New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ObjectId -PrincipalId $ObjectId -ResourceId $exchange.Id -AppRoleId $role.Id }
Add-HVEAppAccess -Identity $Account -AppIds $ObjectId
#en: Must say BillingPolicyValid before anything is sent.
#ja: BillingPolicyValid と表示されるまで送信できません。
Get-HVEAccountBillingPolicy -Identity $Account
