package record

// tables holds every list with its labels. Codes travel: append only, never rename,
// never give a code another meaning. The labels were written with the schemas and wait
// for native readers; changing a label changes no record.
var tables = map[List][]code{
	RecordTypes: {
		{id: "profile", ko: "회원 소개", en: "Member profile", fr: "Fiche membre", es: "Ficha de miembro"},
		{id: "project", ko: "사업", en: "Project", fr: "Projet", es: "Proyecto"},
		{id: "experience", ko: "경험 사례", en: "Experience", fr: "Expérience", es: "Experiencia"},
		{id: "offer", ko: "제공", en: "Offer", fr: "Offre", es: "Oferta"},
		{id: "request", ko: "요청", en: "Request", fr: "Demande", es: "Solicitud"},
		{id: "notice", ko: "공지", en: "Notice", fr: "Avis", es: "Aviso"},
		{id: "collection", ko: "사례 모음", en: "Collection", fr: "Recueil", es: "Recopilación"},
	},
	RemarkTypes: remarkTypes, AdoptionResults: adoptionResults, EndorsementWays: endorsementWays, PartnershipSteps: partnershipSteps,
	FlagSteps: flagSteps, FlagReasons: flagReasons,
	MemberKinds: memberKinds, Stakeholders: stakeholders, OrgTypes: orgTypes, PopulationBands: populationBands,
	MembersBands: membersBands, Continents: continents, Colleges: colleges, Sectors: sectors,
	SectorSchemes: {{id: "icnpo", ko: "국제 비영리조직 분류(ICNPO)", en: "International Classification of Nonprofit Organizations (ICNPO)",
		fr: "Classification internationale des organisations sans but lucratif (ICNPO)", es: "Clasificación internacional de organizaciones sin fines de lucro (ICNPO)"}},
	Themes: themes, ThemeGroups: themeGroups, SDGs: goals, Goods: goodsCodes, RestrictedGoods: restrictedGoods,
	Units: units, TimeUnits: only(units, "HUR", "DAY", "WEE", "MON", "ANN", "LH"), PeopleUnits: only(units, "IE", "HUR", "DAY", "WEE", "MON", "ANN", "LH"),
	Conditions: conditions, ExchangeKinds: exchangeKinds, Modes: modes, Deliveries: deliveries, Returns: returns, CostItems: costItems,
	CostBearers: costBearers, Interpretations: interpretations, Levels: levels, Scopes: scopes, Visibilities: visibilities,
	ListingStates: listingStates, Closings: closings,
	ClauseActions: clauseActions, ClauseMeets: clauseMeets, CancelReasons: cancelReasons, MediationClosings: mediationClosings, Outcomes: outcomes,
	ProjectStatuses: {
		{id: "planned", ko: "준비 중", en: "Planned", fr: "Prévu", es: "Previsto"},
		{id: "active", ko: "진행 중", en: "Active", fr: "En cours", es: "En curso"},
		{id: "paused", ko: "잠시 멈춤", en: "Paused", fr: "En pause", es: "En pausa"},
		{id: "closing", ko: "마무리 중", en: "Closing", fr: "En clôture", es: "En cierre"},
		{id: "completed", ko: "완료", en: "Completed", fr: "Terminé", es: "Terminado"},
		{id: "cancelled", ko: "취소", en: "Cancelled", fr: "Annulé", es: "Cancelado"},
	},
	ExperienceStates: {{id: "published", ko: "공개됨", en: "Published", fr: "Publiée", es: "Publicada"}},
	TransferConditions: {
		{id: "legal_basis", ko: "법적 근거", en: "Legal basis", fr: "Base juridique", es: "Base jurídica"},
		{id: "resident_body", ko: "주민 조직", en: "Residents' body", fr: "Instance d’habitants", es: "Órgano vecinal"},
		{id: "public_space", ko: "공공 공간", en: "Public space", fr: "Espace public", es: "Espacio público"},
		{id: "anchor_investor", ko: "핵심 투자자", en: "Anchor investor", fr: "Investisseur de référence", es: "Inversor de referencia"},
		{id: "technical_support", ko: "기술 지원", en: "Technical support", fr: "Accompagnement technique", es: "Apoyo técnico"},
		{id: "trained_staff", ko: "훈련된 인력", en: "Trained staff", fr: "Personnel formé", es: "Personal formado"},
		{id: "weekly_assembly", ko: "주간 총회", en: "Weekly assembly", fr: "Assemblée hebdomadaire", es: "Asamblea semanal"},
		{id: "school_partner", ko: "협력 학교", en: "Partner school", fr: "École partenaire", es: "Escuela asociada"},
		{id: "local_cooperative", ko: "지역 협동조합", en: "Local cooperative", fr: "Coopérative locale", es: "Cooperativa local"},
		{id: "other", ko: "기타", en: "Other", fr: "Autre", es: "Otra"},
	},
	Licences: {
		{id: "CC-BY-4.0", ko: "저작자표시(CC BY 4.0)", en: "Attribution (CC BY 4.0)", fr: "Attribution (CC BY 4.0)", es: "Atribución (CC BY 4.0)"},
		{id: "CC-BY-SA-4.0", ko: "저작자표시-동일조건변경허락(CC BY-SA 4.0)", en: "Attribution, share alike (CC BY-SA 4.0)", fr: "Attribution, partage dans les mêmes conditions (CC BY-SA 4.0)", es: "Atribución, compartir igual (CC BY-SA 4.0)"},
		{id: "CC0-1.0", ko: "권리 없음(CC0 1.0)", en: "No rights reserved (CC0 1.0)", fr: "Aucun droit réservé (CC0 1.0)", es: "Sin derechos reservados (CC0 1.0)"},
		{id: "all-rights-reserved", ko: "먼저 문의하세요", en: "Ask first", fr: "Demander d’abord", es: "Preguntar antes"},
	},
	NoticeCategories: {
		{id: "news", ko: "소식", en: "News", fr: "Actualité", es: "Noticia"},
		{id: "call", ko: "모집", en: "Call", fr: "Appel", es: "Convocatoria"},
		{id: "event", ko: "행사", en: "Event", fr: "Événement", es: "Evento"},
		{id: "assembly_convocation", ko: "총회 소집", en: "Assembly convocation", fr: "Convocation de l’assemblée", es: "Convocatoria de asamblea"},
		{id: "deadline", ko: "마감 안내", en: "Deadline", fr: "Échéance", es: "Plazo"},
		{id: "security", ko: "보안", en: "Security", fr: "Sécurité", es: "Seguridad"},
		{id: "maintenance", ko: "점검", en: "Maintenance", fr: "Maintenance", es: "Mantenimiento"},
		{id: "rules", ko: "규칙", en: "Rules", fr: "Règles", es: "Reglas"},
	},
	Audiences: {
		{id: "all", ko: "모두", en: "Everyone", fr: "Tout le monde", es: "Todo el mundo"},
		{id: "full", ko: "정회원", en: "Full members", fr: "Membres de plein droit", es: "Miembros de pleno derecho"},
		{id: "college", ko: "투표인단별", en: "Voting colleges", fr: "Collèges", es: "Colegios electorales"},
		{id: "continent", ko: "대륙별", en: "Continents", fr: "Continents", es: "Continentes"},
		{id: "members", ko: "지정한 회원", en: "Chosen members", fr: "Membres choisis", es: "Miembros elegidos"},
	},
	MediaTypes: {
		{id: "application/pdf", ko: "PDF 문서", en: "PDF document", fr: "Document PDF", es: "Documento PDF"},
		{id: "image/png", ko: "PNG 그림", en: "PNG image", fr: "Image PNG", es: "Imagen PNG"},
		{id: "image/jpeg", ko: "JPEG 사진", en: "JPEG image", fr: "Image JPEG", es: "Imagen JPEG"},
		{id: "image/webp", ko: "WebP 그림", en: "WebP image", fr: "Image WebP", es: "Imagen WebP"},
		{id: "text/plain", ko: "일반 텍스트", en: "Plain text", fr: "Texte brut", es: "Texto sin formato"},
		{id: "text/csv", ko: "CSV 표", en: "CSV table", fr: "Tableau CSV", es: "Tabla CSV"},
		{id: "application/vnd.oasis.opendocument.text", ko: "OpenDocument 문서", en: "OpenDocument text", fr: "Texte OpenDocument", es: "Texto OpenDocument"},
		{id: "application/vnd.oasis.opendocument.spreadsheet", ko: "OpenDocument 표", en: "OpenDocument spreadsheet", fr: "Tableur OpenDocument", es: "Hoja de cálculo OpenDocument"},
		{id: "application/vnd.oasis.opendocument.presentation", ko: "OpenDocument 발표", en: "OpenDocument slides", fr: "Présentation OpenDocument", es: "Presentación OpenDocument"},
		{id: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ko: "워드 문서(docx)", en: "Word document (docx)", fr: "Document Word (docx)", es: "Documento Word (docx)"},
		{id: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ko: "엑셀 표(xlsx)", en: "Excel spreadsheet (xlsx)", fr: "Tableur Excel (xlsx)", es: "Hoja de cálculo Excel (xlsx)"},
		{id: "application/vnd.openxmlformats-officedocument.presentationml.presentation", ko: "파워포인트 발표(pptx)", en: "PowerPoint slides (pptx)", fr: "Présentation PowerPoint (pptx)", es: "Presentación PowerPoint (pptx)"},
		{id: "application/hwp+zip", ko: "한글 문서(hwpx)", en: "Hangul document (hwpx)", fr: "Document Hangul (hwpx)", es: "Documento Hangul (hwpx)"},
	},
}

// only picks codes of a list, in the list's order.
func only(list []code, ids ...string) []code {
	var out []code
	for _, c := range list {
		for _, id := range ids {
			if c.id == id {
				out = append(out, c)
			}
		}
	}
	return out
}
