"""What this agent may ask: the tables that exist for it, with their columns, by platform.

Facts of osquery's published schema (names, platforms, hidden columns) and of our own `vigie_*`
tables, which keep their own list of what they open. Only the tables below are declared when a
statement is checked: any other name is "no such table". Left out on purpose is all that reaches out
(`curl`, cloud metadata, `carves`), all that shows what a person does or keeps (`shell_history`,
`recent_files`, `office_mru`, browsing, Wi-Fi surroundings, `*_events`), all that holds secrets
(`process_envs`, `keychain_items`, `user_ssh_keys`), and the columns through which those come in by
another door (command lines, the working directory of a process, other namespaces, directory
servers).

One line a table: `name platforms: columns`, platforms by their initials (`d` macOS, `l` Linux, `w`
Windows). `column@w` is visible on the platforms named and hidden on the others; `column*` is hidden
everywhere, which only means that `SELECT *` leaves it out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PLATFORMS: Final[Mapping[str, str]] = {"d": "darwin", "l": "linux", "w": "windows"}


@dataclass(frozen=True, slots=True)
class AllowedColumn:
    """A column by name, and the platforms where `SELECT *` shows it."""

    name: str
    shown_on: frozenset[str]


@dataclass(frozen=True, slots=True)
class AllowedTable:
    """A table by name, with the columns that may be read and the platforms that have it."""

    name: str
    platforms: frozenset[str]
    columns: tuple[AllowedColumn, ...]


_TABLES: Final = """
account_policy_data d: uid creation_time failed_login_count failed_login_timestamp
  password_last_set_time
ad_config d: name domain option value
alf d: allow_signed_enabled firewall_unload global_state logging_enabled logging_option
  stealth_enabled version
alf_exceptions d: path state
alf_explicit_auths d: process
apparmor_profiles l: path name attach mode sha1 sha256
apps d: name path bundle_executable bundle_identifier bundle_name bundle_short_version
  bundle_version bundle_package_type environment element compiler development_region display_name
  info_string minimum_system_version category applescript_enabled copyright last_opened_time
apt_sources l: name source base_uri release version maintainer components architectures
arp_cache dlw: address mac interface permanent
augeas dl: node value label path
battery dw: manufacturer model serial_number cycle_count state charging charged designed_capacity
  max_capacity current_capacity percent_remaining amperage voltage minutes_until_empty
  minutes_to_full_charge chemistry@w health@d condition@d manufacture_date@d
bitlocker_info w: device_id drive_letter persistent_volume_id conversion_status protection_status
  encryption_method version percentage_encrypted lock_status
block_devices dl: name parent vendor model serial size block_size uuid type label
certificates dlw: common_name subject subject2 issuer issuer2 ca self_signed not_valid_before
  not_valid_after signing_algorithm key_algorithm key_strength key_usage subject_key_id
  authority_key_id sha1 path serial sid@w store_location@w store@w username@w store_id@w
chassis_info w: audible_alarm breach_description chassis_types description lock manufacturer model
  security_breach serial smbios_tag sku status visible_alarm
chocolatey_packages w: name version summary author license path
chrome_extensions dlw: browser_type uid name profile profile_path referenced_identifier identifier
  version description default_locale current_locale update_url author persistent path permissions
  permissions_json* optional_permissions optional_permissions_json* manifest_hash referenced
  from_webstore state install_time install_timestamp manifest_json* key*
connectivity w: disconnected ipv4_no_traffic ipv6_no_traffic ipv4_subnet ipv4_local_network
  ipv4_internet ipv6_subnet ipv6_local_network ipv6_internet
cpu_info dlw: device_id model manufacturer processor_type cpu_status number_of_cores
  logical_processors address_width current_clock_speed max_clock_speed socket_designation
  availability@w load_percentage@w number_of_efficiency_cores@d number_of_performance_cores@d
cpuid dlw: feature value output_register output_bit input_eax
crontab dl: event minute hour day_of_month month day_of_week command path
deb_packages l: name version source size arch revision status maintainer section priority admindir
deviceguard_status w: version instance_identifier vbs_status
  code_integrity_policy_enforcement_status configured_security_services running_security_services
  umci_policy_status
disk_encryption dl: name uuid encrypted type encryption_status uid@d user_uuid@d
  filevault_status@d
disk_info w: partitions disk_index type id pnp_device_id disk_size manufacturer hardware_model
  name serial description
dns_resolvers dl: id type address netmask options
drivers w: device_id device_name image description service service_key version inf class provider
  manufacturer driver_key date signed
etc_hosts dlw: address hostnames
file dlw: path directory filename inode uid gid mode device size block_size atime mtime ctime
  btime hard_links symlink type symlink_target_path attributes@w volume_serial@w file_id@w
  file_version@w product_version@w original_filename@w shortcut_target_path@w
  shortcut_target_type@w shortcut_target_location@w shortcut_start_in@w shortcut_run@w
  shortcut_comment@w bsd_flags@d
firefox_addons dlw: uid name identifier creator type version description source_url visible active
  disabled autoupdate location path
gatekeeper d: assessments_enabled dev_id_enabled version opaque_version
groups dlw: gid gid_signed groupname group_sid@w comment@w is_hidden@d
hash dlw: path directory md5 sha1 sha256
homebrew_packages d: name path version type auto_updates app_name prefix*
ibridge_info d: boot_uuid coprocessor_version firmware_version unique_chip_id
ie_extensions w: name registry_path version path
interface_addresses dlw: interface address mask broadcast point_to_point type friendly_name@w
interface_details dlw: interface mac type mtu metric flags ipackets opackets ibytes obytes ierrors
  oerrors idrops odrops collisions last_change link_speed@dl pci_slot@l friendly_name@w
  description@w manufacturer@w connection_id@w connection_status@w enabled@w physical_adapter@w
  speed@w service@w dhcp_enabled@w dhcp_lease_expires@w dhcp_lease_obtained@w dhcp_server@w
  dns_domain@w dns_domain_suffix_search_order@w dns_host_name@w dns_server_search_order@w
interface_ipv6 dl: interface hop_limit forwarding_enabled redirect_accept rtadv_accept
iptables l: filter_name chain policy target protocol src_port dst_port src_ip src_mask iniface
  iniface_mask dst_ip dst_mask outiface outiface_mask match packets bytes
jetbrains_plugins dlw: product_type uid name version vendor path
kernel_extensions d: idx refs size name version linked_against path
kernel_info dlw: version arguments path device
kernel_modules l: name size used_by status address
kva_speculative_info w: kva_shadow_enabled kva_shadow_user_global kva_shadow_pcid
  kva_shadow_inv_pcid bp_mitigations bp_system_pol_disabled bp_microcode_disabled
  cpu_spec_ctrl_supported ibrs_support_enabled stibp_support_enabled cpu_pred_cmd_supported
last dl: username tty pid type type_name time host
launchd d: path name label program run_at_load keep_alive on_demand disabled username groupname
  stdout_path stderr_path start_interval watch_paths queue_directories inetd_compatibility
  start_on_mount root_directory working_directory process_type
listening_ports dlw: pid port protocol family address fd socket path net_namespace@l
location_services d: enabled
logged_in_users dlw: type user tty host time pid sid@w registry_hive@w
logical_drives w: device_id type description free_space size file_system boot_partition
logon_sessions w: logon_id user logon_domain authentication_package logon_type session_id
  logon_sid logon_time logon_server dns_domain_name upn logon_script profile_path home_directory
  home_directory_drive
managed_policies d: domain uuid name value username manual
md_devices l: device_name status raid_level size chunk_size raid_disks nr_raid_disks working_disks
  active_disks failed_disks spare_disks superblock_state superblock_version superblock_update_time
  bitmap_on_mem bitmap_chunk_size bitmap_external_file recovery_progress recovery_finish
  recovery_speed resync_progress resync_finish resync_speed reshape_progress reshape_finish
  reshape_speed check_array_progress check_array_finish check_array_speed unused_devices other
memory_devices dlw: handle array_handle form_factor total_width data_width size set device_locator
  bank_locator memory_type memory_type_details max_speed configured_clock_speed manufacturer
  serial_number asset_tag part_number min_voltage max_voltage configured_voltage
memory_info l: memory_total memory_free memory_available buffers cached swap_cached active
  inactive swap_total swap_free
mounts dl: device device_alias path type blocks_size blocks blocks_free blocks_available inodes
  inodes_free flags
nfs_shares d: share options readonly
npm_packages dlw: name version description author license homepage path directory depth max_depth*
ntdomains w: name client_site_name dc_site_name dns_forest_name domain_controller_address
  domain_controller_name domain_name status
os_version dlw: name version major minor patch build platform platform_like codename arch extra@d
  install_date@w revision@w
osquery_extensions dlw: uuid name version sdk_version path type
osquery_flags dlw: name type description default_value value shell_only
osquery_info dlw: pid uuid instance_id version config_hash config_valid extensions build_platform
  build_distro start_time watcher platform_mask
osquery_packs dlw: name platform version shard discovery_cache_hits discovery_executions active
osquery_schedule dlw: name interval executions last_executed denylisted output_size wall_time
  wall_time_ms last_wall_time_ms user_time last_user_time system_time last_system_time
  average_memory last_memory
package_install_history d: package_id time name version source content_type
package_receipts d: package_id package_filename* version location install_time installer_name path
password_policy d: uid policy_identifier policy_content policy_description policy_category
  policy_parameters
patches w: csname hotfix_id caption description fix_comments installed_by install_date
  installed_on
pci_devices dl: pci_slot pci_class driver vendor vendor_id model model_id pci_class_id@l
  pci_subclass_id@l pci_subclass@l subsystem_vendor_id@l subsystem_vendor@l subsystem_model_id@l
  subsystem_model@l
platform_info dlw: vendor version date revision extra firmware_type address@dl size@dl
  volume_size@dl
plist d: key subkey value path
preferences d: domain key subkey value forced username host
process_open_sockets dlw: pid fd socket family protocol local_address remote_address local_port
  remote_port path state net_namespace@l
processes dlw: pid name path state uid gid euid egid suid sgid on_disk wired_size resident_size
  total_size user_time system_time disk_bytes_read disk_bytes_written start_time parent pgroup
  threads nice elevated_token@w secure_process@w protection_type@w virtual_process@w
  elapsed_time@w handle_count@w percent_processor_time@w upid@d uppid@d cpu_type@d cpu_subtype@d
  translated@d cgroup_path@l
programs w: name version install_location install_source language publisher uninstall_string
  install_date identifying_number package_family_name upgrade_code
python_packages dlw: name uid version summary author license path directory
registry w: key path name type data mtime
routes dlw: destination netmask gateway source flags interface mtu metric type hopcount@dl
rpm_packages l: name version release source size sha1 arch epoch install_time vendor package_group
safari_extensions d: uid name identifier version sdk description path bundle_version copyright
scheduled_tasks w: name action path enabled state hidden last_run_time next_run_time
  last_run_message last_run_code
screenlock d: enabled grace_period
secureboot dlw: secure_boot secure_mode@d description@d kernel_extensions@d mdm_operations@d
  setup_mode@lw
secureboot_certificates l: common_name subject issuer not_valid_before not_valid_after sha1 serial
  revoked path is_ca self_signed key_usage authority_key_id subject_key_id signing_algorithm
  key_algorithm key_strength
security_profile_info w: minimum_password_age maximum_password_age minimum_password_length
  password_complexity password_history_size lockout_bad_count logon_to_change_password
  force_logoff_when_expire new_administrator_name new_guest_name clear_text_password
  lsa_anonymous_name_lookup enable_admin_account enable_guest_account audit_system_events
  audit_logon_events audit_object_access audit_privilege_use audit_policy_change
  audit_account_manage audit_process_tracking audit_ds_access audit_account_logon
selinux_settings l: scope key value
services w: name service_type display_name status pid start_type win32_exit_code service_exit_code
  path module_path description user_account
shadow l: password_status hash_alg last_change min max warning inactive expire flag username
shared_folders d: name path
shared_resources w: description install_date status allow_maximum maximum_allowed name path type
  type_name
sharing_preferences d: screen_sharing file_sharing printer_sharing remote_login remote_management
  remote_apple_events internet_sharing bluetooth_sharing disc_sharing content_caching
sip_config d: config_flag enabled enabled_nvram
startup_items dlw: name path type source status username
sudoers dl: source header rule_details
system_controls dl: name oid subsystem current_value config_value type field_name@d
system_extensions d: path UUID state identifier version category bundle_path team mdm_managed
system_info dlw: hostname uuid cpu_type cpu_subtype cpu_brand cpu_physical_cores cpu_logical_cores
  cpu_sockets cpu_microcode physical_memory hardware_vendor hardware_model hardware_version
  hardware_serial board_vendor board_model board_version board_serial computer_name local_hostname
  emulated_cpu_type@w
system_profiler d: data_type value
systemd_units l: id description load_state active_state sub_state unit_file_state following
  object_path job_id job_type job_path fragment_path user source_path
time dlw: weekday year month day hour minutes seconds timezone local_timezone unix_time timestamp
  datetime iso_8601 win_timestamp@w
time_machine_backups d: destination_id backup_date
time_machine_destinations d: alias destination_id consistency_scan_date root_volume_uuid
  bytes_available bytes_used encryption
tpm_info w: activated enabled owned manufacturer_version manufacturer_id manufacturer_name
  product_name physical_presence_version spec_version
uptime dlw: days hours minutes seconds total_seconds
usb_devices dl: usb_address usb_port vendor vendor_id version model model_id serial class subclass
  protocol removable
user_groups dlw: uid gid
users dlw: uid gid uid_signed gid_signed username description directory shell uuid type@w
  is_hidden@d
video_info w: color_depth driver driver_date driver_version manufacturer model series video_mode
vigie_admin_rights l: account account_id source kind via enabled builtin collected why
vigie_agent dlw: version privileged started_by collected why
vigie_agent_topics dlw: topic version digest collected why
vigie_automatic_login l: kind method enabled account source collected why
vigie_backups dlw: part mechanism kind account identifier scheduled destination encrypted
  last_success_time last_run_time time_source holds_data collected why
vigie_browser_passwords dlw: browser username profile saved collected why
vigie_browser_policies dlw: browser username policy value source collected why
vigie_chassis l: chassis chassis_type portable virtualization container battery collected why
vigie_clamav l: active real_time auto_update signatures_version signatures_time main_version
  main_time detail collected why
vigie_elevation l: setting value guarded source collected why
vigie_file_lines l: path n section line key value collected why
vigie_inbound_filter l: protocol enabled inbound_default decided_by rules logs_drops fingerprint
  read_with collected why
vigie_inbound_services l: part service name product offered guarded origin collected why
vigie_local_accounts l: username uid gid shell interactive enabled is_admin admin_via
  password_status password_last_change expires password_max_days last_login_day shadow_read
  sudoers_read logins_read collected why
vigie_logging dl: part name persistent max_bytes target protocol encrypted source collected why
vigie_luks_chain l: mount device fs_type system encrypted method chain collected why
vigie_mac_accounts d: username uid source shell interactive enabled hidden is_guest is_admin
  admin_via secure_token password_last_change created last_login_day collected why
vigie_mac_admins d: account account_id source kind via enabled builtin collected why
vigie_mac_application_firewall d: enabled block_all stealth logging collected why
vigie_mac_enrolment d: enrolled server state collected why
vigie_mac_filevault d: volume device encrypted protection percent method detail collected why
vigie_mac_packet_filter d: enabled rules blocks_inbound logs_drops fingerprint collected why
vigie_mac_password_policy d: part source enforced min_length min_classes upper_required
  lower_required digit_required special_required lockout_threshold lockout_seconds max_age_days
  min_age_days history collected why
vigie_mac_protection d: component version installed launch_scans background_scans auto_update
  collected why
vigie_mac_services d: name program scope start collected why
vigie_mac_sessions d: username uid is_admin admin_via collected why
vigie_mac_sharing d: service name offered origin collected why
vigie_mac_software_update d: part checks downloads installs last_install last_check_day collected
  why
vigie_mac_system_extensions d: identifier name version team category active state collected why
vigie_mac_usb_policy d: mechanism blocked collected why
vigie_mac_usb_storage d: vendor model serial builtin device collected why
vigie_mac_vpn d: name kind enabled connected collected why
vigie_management l: part kind name managed state collected why
vigie_nftables l: family table_name chain type hook priority policy default_verdict rules
  logs_drops digest collected why
vigie_password_policy l: part source enforced min_length min_classes upper_required lower_required
  digit_required special_required applies_to_root lockout_threshold lockout_seconds max_age_days
  min_age_days history collected why
vigie_product_updates dlw: product enabled downloads via collected why
vigie_radios lw: part radio name powered discoverable blocked collected why
vigie_screen_lock dlw: part username source locks lock_after_seconds asks_password grace_seconds
  enforced collected why
vigie_secure_boot l: part firmware secure_boot setup_mode tpm_present tpm_version tpm_ready
  collected why
vigie_services l: name description program scope start collected why
vigie_sessions l: username uid remote is_admin admin_via collected why
vigie_settings l: family key value source collected why
vigie_time_sync dl: part mechanism active server source synchronised last_sync_day hypervisor
  collected why
vigie_usb_policy l: mechanism blocked detail collected why
vigie_usb_storage l: vendor vendor_id model model_id serial port driver device collected why
vigie_win_accounts w: username sid source enabled interactive is_admin is_guest builtin_admin
  password_required password_policy password_expires password_last_change expires last_logon_day
  collected why
vigie_win_admins w: account sid source kind group_name enabled builtin collected why
vigie_win_audit_policy w: subcategory audited collected why
vigie_win_bitlocker w: volume device system encrypted protection percent method conversion
  collected why
vigie_win_defender w: active real_time passive running_mode signatures_version signatures_time
  signatures_up_to_date auto_update quick_scan_time full_scan_time scan_scheduled tamper_protected
  collected why
vigie_win_firewall w: profile origin enabled inbound_default logs_drops local_rules rules
  fingerprint collected why
vigie_win_logon w: part kind method enabled account password_stored origin collected why
vigie_win_management w: part kind name managed state collected why
vigie_win_openings w: profile port way_in collected why
vigie_win_password_policy w: part source enforced min_length lockout_threshold lockout_seconds
  lockout_window_seconds max_age_days min_age_days history collected why
vigie_win_security_products w: type product state signatures_up_to_date collected why
vigie_win_sessions w: account sid source remote is_admin collected why
vigie_win_smb1 w: side enabled origin installation_type collected why
vigie_win_updates w: part last_install_day last_check_day source reboot_pending
  reboot_pending_time collected why
vigie_win_usb_policy w: mechanism blocked detail collected why
vigie_win_usb_storage w: vendor model serial device collected why
vigie_win_vpn w: name kind scope collected why
vscode_extensions dlw: name uuid version path publisher publisher_id installed_at prerelease uid
  vscode_edition
wifi_status d: interface ssid bssid network_name country_code security_type rssi noise channel
  channel_width channel_band transmit_rate mode
windows_eventlog w: channel datetime task level provider_name provider_guid computer_name eventid
  keywords data pid tid time_range* timestamp* xpath*
windows_firewall_rules w: name app_name action enabled grouping direction protocol local_addresses
  remote_addresses local_ports remote_ports icmp_types_codes profile_domain profile_private
  profile_public service_name
windows_optional_features w: name caption state statename
windows_security_center w: firewall autoupdate antivirus antispyware* internet_settings
  windows_security_center_service user_account_control
windows_security_products w: type name state state_timestamp remediation_path
  signatures_up_to_date
windows_update_history w: client_app_id date description hresult operation result_code
  server_selection service_id support_url title update_id update_revision
xprotect_entries d: name launch_type identity filename filetype optional uses_pattern
xprotect_meta d: identifier type developer_id min_version
yum_sources l: name source baseurl mirrorlist metalink enabled gpgcheck gpgkey
"""


def _parse(text: str) -> Mapping[str, AllowedTable]:
    tables: dict[str, AllowedTable] = {}
    for entry in text.strip().replace("\n  ", " ").splitlines():
        heading, _, columns = entry.partition(":")
        name, initials = heading.split()
        platforms = frozenset(PLATFORMS[initial] for initial in initials)
        tables[name] = AllowedTable(
            name, platforms, tuple(_column(column, platforms) for column in columns.split())
        )
    return tables


def _column(text: str, platforms: frozenset[str]) -> AllowedColumn:
    if text.endswith("*"):
        return AllowedColumn(text[:-1], frozenset())
    name, limited, initials = text.partition("@")
    return AllowedColumn(
        name, frozenset(PLATFORMS[initial] for initial in initials) if limited else platforms
    )


ALLOWED_TABLES: Final[Mapping[str, AllowedTable]] = _parse(_TABLES)
