#en: Message trace: the application may look in the trace for messages whose answer was lost (lookup = "trace").
#ja: メッセージ追跡: 応答が失われたメールを、アプリケーションが追跡ログで検索できるようにします（lookup = "trace"）。
#en: It reads the trace of the whole organisation: Microsoft has published no role or scope that limits it to some mailboxes.
#ja: 組織全体の追跡ログが対象です。一部のメールボックスに限定する役割やスコープは、Microsoft から公開されていません。
#en: Undo: -Undo takes the consent away. Microsoft's own service principal stays, since others may use it.
#ja: 元に戻す: -Undo で同意を取り消します。Microsoft のサービス プリンシパルは、ほかでも使われるため残ります。
#src: learn.microsoft.com, Graph-based message trace API onboarding guide; List messageTraces (worldwide cloud only)
[CmdletBinding(SupportsShouldProcess)]
param([switch]$Undo)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$TenantId = <<tenant_id>>
$ObjectId = <<object_id>>
<<guard>>
Connect-MgGraph -TenantId $TenantId -Scopes 'Application.ReadWrite.All', 'AppRoleAssignment.ReadWrite.All' -NoWelcome
$graph = Get-MgServicePrincipal -Filter "appId eq '00000003-0000-0000-c000-000000000000'"
$role = $graph.AppRoles | Where-Object { $_.Value -EQ 'ExchangeMessageTrace.Read.All' -and $_.AllowedMemberTypes -contains 'Application' }
$consent = Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ObjectId -All | Where-Object { $_.AppRoleId -eq $role.Id -and $_.ResourceId -eq $graph.Id }
if ($Undo) {
    if ($consent) { Remove-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ObjectId -AppRoleAssignmentId $consent.Id }
    return
}
if (-not $consent) { $null = New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $ObjectId -PrincipalId $ObjectId -ResourceId $graph.Id -AppRoleId $role.Id }

#en: Graph asks Microsoft's Transport Data Platform, which must be known to the tenant; it may take several hours to be felt.
#ja: Graph は Microsoft の Transport Data Platform に問い合わせるため、テナントへの登録が必要です（反映に数時間かかることがあります）。
$platform = Get-MgServicePrincipal -Filter "appId eq '8bd644d1-64a1-4d4b-ae52-2e0cbf64e373'"
if (-not $platform) { $null = New-MgServicePrincipal -AppId '8bd644d1-64a1-4d4b-ae52-2e0cbf64e373' }
