#en: Microsoft Graph: the application may send from the mailboxes of one group, and from no other.
#ja: Microsoft Graph: アプリケーションは、1 つのグループに属するメールボックスからのみ送信できます。
#en: No permission is granted in Entra: one there holds for every mailbox and would defeat the scope made here.
#ja: Entra では権限を付与しません。Entra の権限は全メールボックスに及び、ここで設定する範囲の制限が無効になるためです。
#en: Changes take 30 minutes and more to be felt. Undo: -Undo takes away role, scope and pointer; mailboxes and group stay.
#ja: 反映には 30 分以上かかります。元に戻す: -Undo で役割・スコープ・サービス プリンシパルを削除します（メールボックスとグループは残ります）。
#src: learn.microsoft.com, Role Based Access Control for Applications in Exchange Online; MC1158911
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$ClientId = <<client_id>>
$ObjectId = <<object_id>>
$AppName = <<app_name>>
$GroupName = <<group>>
$ScopeName = <<scope>>
$Mailboxes = <<mailboxes[]>>
$Roles = @('Application Mail.Send') + @(<<large?>> | Where-Object { $_ -eq 'yes' } | ForEach-Object { 'Application Mail.ReadWrite' })
<<guard>>
if (-not (Get-Module -ListAvailable ExchangeOnlineManagement)) { Install-Module ExchangeOnlineManagement -Scope CurrentUser }
Connect-ExchangeOnline -Organization $TenantId -ShowBanner:$false

if ($Undo) {
    foreach ($role in $Roles) {
        Get-ManagementRoleAssignment -Identity "$ScopeName - $role" -ErrorAction SilentlyContinue | Remove-ManagementRoleAssignment -Confirm:$false
    }
    Get-ManagementScope -Identity $ScopeName -ErrorAction SilentlyContinue | Remove-ManagementScope -Confirm:$false
    Get-ServicePrincipal -Identity $ObjectId -ErrorAction SilentlyContinue | Remove-ServicePrincipal -Confirm:$false
    return
}

#en: Exchange learns of the application. ObjectId is that of the enterprise application; the registration's own fails with 535 5.7.3.
#ja: Exchange にアプリケーションを登録します。ObjectId にはエンタープライズ アプリケーションのものを指定します（アプリの登録のものでは 535 5.7.3 になります）。
$sp = Get-ServicePrincipal -Identity $ObjectId -ErrorAction SilentlyContinue
if (-not $sp) { $sp = New-ServicePrincipal -AppId $ClientId -ObjectId $ObjectId -DisplayName $AppName }

#en: A group holds the mailboxes it may send from; a later mailbox is added to the group alone.
#ja: 送信を許可するメールボックスをグループにまとめます。後から追加する場合は、グループに加えるだけです。
$group = Get-DistributionGroup -Identity $GroupName -ErrorAction SilentlyContinue
if (-not $group) { $group = New-DistributionGroup -Name $GroupName -Type Security }
$members = @(Get-DistributionGroupMember -Identity $group.Identity -ResultSize Unlimited | ForEach-Object { "$($_.PrimarySmtpAddress)" })
foreach ($mailbox in $Mailboxes) {
    if ($members -notcontains $mailbox) { Add-DistributionGroupMember -Identity $group.Identity -Member $mailbox }
}
$scope = Get-ManagementScope -Identity $ScopeName -ErrorAction SilentlyContinue
if (-not $scope) {
    $name = $group.DistinguishedName.Replace("'", "''")
    $scope = New-ManagementScope -Name $ScopeName -RecipientRestrictionFilter "MemberOfGroup -eq '$name'"
}
foreach ($role in $Roles) {
    if (-not (Get-ManagementRoleAssignment -Identity "$ScopeName - $role" -ErrorAction SilentlyContinue)) {
        $null = New-ManagementRoleAssignment -Name "$ScopeName - $role" -Role $role -App $sp.ObjectId -CustomResourceScope $ScopeName
    }
}
#en: Application Mail.ReadWrite is there only where messages above 3 MB are wanted (--large). SMTP AUTH may stay disabled.
#ja: Application Mail.ReadWrite は、3 MB を超えるメールを送る場合（--large）にのみ付与します。SMTP AUTH は無効のままで構いません。
#en: InScope must be True for each.
#ja: すべて InScope が True であることを確認してください。
foreach ($mailbox in $Mailboxes) { Test-ServicePrincipalAuthorization -Identity $sp.ObjectId -Resource $mailbox | Format-Table RoleName, AllowedResourceScope, InScope }
