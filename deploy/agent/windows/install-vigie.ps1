<#
.SYNOPSIS
Installs or upgrades the Vigie agent silently, where this device has none or an older one.

.DESCRIPTION
For a start-up script of group policy, and for Intune, by Windows PowerShell 5.1. It runs as SYSTEM, may run at every start, and
does nothing where the wanted release is installed. The installer is copied to a folder that only
administrators may change, and installed from there only if its SHA-256 is the one that is given. The
token is never on a command line and in no log.

Exit codes: 0 done or nothing to do; 1 failed, the log says why; 3010 done, a restart is needed.

.PARAMETER Installer
The installer, on a share or beside this script.
.PARAMETER Sha256
Its SHA-256.
.PARAMETER Version
Its release, as 0.1.0.
.PARAMETER TokenFile
A file with the enrolment token. Readable by SYSTEM of the devices alone (on a share: "Domain
Computers"); it stays where it is. Without one the device is enrolled later.
.PARAMETER Server
HOST or HOST:PORT that the token must be of.
.PARAMETER LogFile
Where it is told what was done.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)][string]$Installer,
    [Parameter(Mandatory = $true)][ValidatePattern('^[0-9A-Fa-f]{64}$')][string]$Sha256,
    [Parameter(Mandatory = $true)][version]$Version,
    [string]$TokenFile = '',
    [string]$Server = '',
    [string]$LogFile = "$env:SystemRoot\Logs\Vigie\install.log"
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'
$largestLog = 1MB

function Write-Told([string]$Text) {
    $folder = Split-Path -Parent $LogFile
    if (-not (Test-Path -LiteralPath $folder)) {
        New-Item -ItemType Directory -Path $folder -Force | Out-Null
    }
    if ((Test-Path -LiteralPath $LogFile) -and ((Get-Item -LiteralPath $LogFile).Length -gt $largestLog)) {
        Move-Item -LiteralPath $LogFile -Destination "$LogFile.1" -Force
    }
    $moment = (Get-Date).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ssZ')
    Add-Content -LiteralPath $LogFile -Value "$moment $Text" -Encoding UTF8
}

# The 64-bit registry: Intune runs scripts in a 32-bit PowerShell.
function Get-InstalledVersion {
    $base = [Microsoft.Win32.RegistryKey]::OpenBaseKey('LocalMachine', 'Registry64')
    $list = $base.OpenSubKey('SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall')
    foreach ($name in $list.GetSubKeyNames()) {
        $entry = $list.OpenSubKey($name)
        if ($entry.GetValue('DisplayName') -eq 'Vigie Agent' -and $entry.GetValue('WindowsInstaller') -eq 1) {
            return [version]$entry.GetValue('DisplayVersion')
        }
    }
    return $null
}

function New-ClosedFolder {
    $folder = Join-Path $env:SystemRoot "Temp\vigie-$([guid]::NewGuid())"
    $rights = New-Object System.Security.AccessControl.DirectorySecurity
    # As the agent's own data folder: SYSTEM and administrators, nobody else.
    $rights.SetSecurityDescriptorSddlForm('O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)')
    # Made with its rights at once: in this place anyone may put files into a new folder.
    [System.IO.Directory]::CreateDirectory($folder, $rights) | Out-Null
    return $folder
}

$folder = $null
try {
    $installed = Get-InstalledVersion
    if ($null -ne $installed -and $installed -ge $Version) {
        Write-Told "nothing to do: $installed is installed, $Version is wanted"
        exit 0
    }
    $folder = New-ClosedFolder
    $copy = Join-Path $folder 'vigie-agent.msi'
    Copy-Item -LiteralPath $Installer -Destination $copy
    $found = (Get-FileHash -LiteralPath $copy -Algorithm SHA256).Hash
    if ($found -ne $Sha256) {
        throw "the installer's SHA-256 is $found, and $Sha256 is wanted: it is not installed"
    }
    $arguments = @('/i', "`"$copy`"", '/qn', '/norestart', '/l*', "`"$LogFile.msi.txt`"")
    if ($TokenFile -ne '') {
        $token = Join-Path $folder 'enrolment-token'
        Copy-Item -LiteralPath $TokenFile -Destination $token
        $arguments += "ENROLMENT_TOKEN_FILE=`"$token`""
    }
    if ($Server -ne '') {
        $arguments += "SERVER=`"$Server`""
    }
    $program = Join-Path $env:SystemRoot 'System32\msiexec.exe'
    $done = Start-Process -FilePath $program -ArgumentList $arguments -Wait -PassThru
    Write-Told "msiexec ended with $($done.ExitCode): $installed before, $Version wanted"
    if ($done.ExitCode -eq 3010) { exit 3010 }
    if ($done.ExitCode -ne 0) { exit 1 }
    exit 0
}
catch {
    Write-Told "failed: $($_.Exception.Message)"
    exit 1
}
finally {
    if ($null -ne $folder) {
        Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    }
}
