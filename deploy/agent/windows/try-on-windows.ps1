<#
.SYNOPSIS
Installs, upgrades and removes the agent on this Windows, looks at what it does without a server.

.DESCRIPTION
For a machine that may be thrown away: it needs an administrator, and removes what an agent there had.

.PARAMETER Folder
Where the installers are: an older release (0.0.1) and this one.
#>
[CmdletBinding()]
param([Parameter(Mandatory = $true)][string]$Folder)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$program = "$env:ProgramFiles\Vigie Agent\vigie-agent.exe"
$data = "$env:ProgramData\Vigie"
$logs = Join-Path (Get-Location) 'logs'
New-Item -ItemType Directory -Path $logs -Force | Out-Null
$secret = 'vigie1.c2VjcmV0LW9mLXRyaWFs'

function Confirm-That([string]$What, [bool]$Holds) {
    if (-not $Holds) { throw "not so: $What" }
    Write-Output "ok  $What"
}

function Invoke-Installer([string]$Name, [string[]]$Arguments) {
    $line = $Arguments + @('/qn', '/norestart', '/l*v', "`"$logs\$Name.txt`"")
    $done = Start-Process -FilePath msiexec.exe -ArgumentList $line -Wait -PassThru
    return $done.ExitCode
}

function Wait-Event([int]$Number) {
    for ($tries = 0; $tries -lt 60; $tries++) {
        $found = Get-WinEvent -FilterHashtable @{ LogName = 'Application'; ProviderName = 'Vigie Agent'; Id = $Number } -MaxEvents 1 -ErrorAction SilentlyContinue
        if ($null -ne $found) { return $found }
        Start-Sleep -Seconds 1
    }
    throw "event $Number was not written"
}

function Get-Below([string]$Folder) {
    return Get-CimInstance -ClassName Win32_Process -Filter "Name = 'vigie-agent.exe'" | Where-Object { "$($_.ExecutablePath)" -like "$Folder\*" }
}

function Get-Rights([string]$Path) { return (Get-Acl -LiteralPath $Path).Sddl }

$older = (Get-ChildItem -Path $Folder -Recurse -Filter 'vigie-agent-0.0.1-*.msi').FullName
$newer = (Get-ChildItem -Path $Folder -Recurse -Filter 'vigie-agent-*.msi' | Where-Object { $_.Name -notlike '*-0.0.1-*' }).FullName

# Somebody made the folder before the agent came, with settings of their own.
New-Item -ItemType Directory -Path $data | Out-Null
Set-Content -LiteralPath "$data\agent.toml" -Value 'live_questions = false'
$owner = New-Object System.Security.Principal.NTAccount("$env:COMPUTERNAME\$env:USERNAME")
$rights = Get-Acl -LiteralPath $data
$rights.SetOwner($owner)
Set-Acl -LiteralPath $data -AclObject $rights

Confirm-That 'it installs silently' ((Invoke-Installer 'install' @('/i', "`"$older`"")) -eq 0)
Confirm-That 'what somebody made before is set aside' (Test-Path -Path "$data.untrusted-*\agent.toml")
Confirm-That 'the folder is closed' ((Get-Rights $data) -match '^O:BA.*D:PAI' -and (Get-Rights $data) -notmatch ';;;WD\)')
Confirm-That 'the data is for administrators alone' ((Get-Rights "$data\agent") -notmatch ';;;BU\)')
$service = Get-CimInstance -ClassName Win32_Service -Filter "Name = 'vigie-agent'"
Confirm-That 'the service runs' ($service.State -eq 'Running')
Confirm-That 'as LocalSystem, by a path in quotes' ($service.StartName -eq 'LocalSystem' -and $service.PathName -eq "`"$program`" service run")
Confirm-That 'it is started again after failures' ((sc.exe qfailure vigie-agent | Out-String) -match 'RESTART')
Confirm-That 'without a token it waits, and says so in French' ((Wait-Event 10).Message -match 'attend un jeton')
& $program selftest
Confirm-That 'it is whole' ($LASTEXITCODE -eq 0)

Set-Content -LiteralPath "$data\agent.toml" -Value 'live_questions = false'
$identity = New-Item -ItemType File -Path "$data\agent\stays"
Confirm-That 'it is upgraded' ((Invoke-Installer 'upgrade' @('/i', "`"$newer`"")) -eq 0)
Confirm-That 'data and settings stayed' ((Test-Path -LiteralPath $identity.FullName) -and (Test-Path -LiteralPath "$data\agent.toml"))
Confirm-That 'the service runs again' ((Get-Service -Name 'vigie-agent').Status -eq 'Running')
Confirm-That 'every file of the newer release is there' ((Test-Path -LiteralPath $program) -and (Test-Path -LiteralPath "$env:ProgramFiles\Vigie Agent\share\sbom.cdx.json"))

# A newer version that was downloaded runs below the service, ends with it, and is gone back from.
Stop-Service -Name 'vigie-agent'
$versions = New-Item -ItemType Directory -Path "$data\agent\updates\versions" -Force
$below = "$($versions.FullName)\9.0.0"
Copy-Item -LiteralPath "$env:ProgramFiles\Vigie Agent" -Destination $below -Recurse
$standing = '{"current": "9.0.0", "unproven": 0, "trial": {"before": "", "starts": 0, "with_server": false}, "rolled_back": null}'
[System.IO.File]::WriteAllText("$data\agent\updates\launch.json", $standing)
Start-Service -Name 'vigie-agent'
for ($tries = 0; $tries -lt 60 -and $null -eq (Get-Below $below); $tries++) { Start-Sleep -Seconds 1 }
Confirm-That 'a version on trial runs below the service' ($null -ne (Get-Below $below))
Stop-Service -Name 'vigie-agent'
Confirm-That 'it ends with the service' ($null -eq (Get-Below $below))
Confirm-That 'and was not blamed for that' ((Get-Content -LiteralPath "$data\agent\updates\launch.json" -Raw) -match '"starts": 0')
Remove-Item -LiteralPath $below -Recurse
Start-Service -Name 'vigie-agent'
Confirm-That 'one that is gone is gone back from, and told' ((Wait-Event 14).Message -match '9\.0\.0')
Confirm-That 'the installed version runs' ((Get-Service -Name 'vigie-agent').Status -eq 'Running')

Confirm-That 'an older release is refused over it' ((Invoke-Installer 'downgrade' @('/i', "`"$older`"")) -ne 0)
Confirm-That 'a token that is none fails the installation' ((Invoke-Installer 'token' @('/i', "`"$newer`"", 'REINSTALL=ALL', "ENROLMENT_TOKEN=$secret")) -ne 0)
Confirm-That 'the token is in no log' (-not (Select-String -Path "$logs\token.txt" -SimpleMatch $secret -Quiet))

Confirm-That 'it is removed' ((Invoke-Installer 'remove' @('/x', "`"$newer`"")) -eq 0)
Confirm-That 'no program is left' (-not (Test-Path -LiteralPath "$env:ProgramFiles\Vigie Agent"))
Confirm-That 'no data is left' (-not (Test-Path -LiteralPath $data))
Confirm-That 'no service is left' ($null -eq (Get-Service -Name 'vigie-agent' -ErrorAction SilentlyContinue))
