package record

// Code lists of offers and requests, and the units that quantities are counted in.

var exchangeKinds = []code{
	{id: "personnel", ko: "인적 교류", en: "People", fr: "Personnes", es: "Personas"},
	{id: "material", ko: "물적 교류", en: "Goods", fr: "Biens", es: "Bienes"},
	{id: "knowledge", ko: "지식 교류", en: "Knowledge", fr: "Savoirs", es: "Saberes"},
	{id: "space", ko: "공간", en: "Space", fr: "Lieux", es: "Espacios"},
	{id: "finance", ko: "금융 의향", en: "Finance (intention)", fr: "Finance (intention)", es: "Finanzas (intención)"},
}

var modes = []code{
	{id: "secondment", parent: "personnel", ko: "파견 근무", en: "Secondment", fr: "Détachement", es: "Comisión de servicios"},
	{id: "expert_mission", parent: "personnel", ko: "전문가 파견", en: "Expert mission", fr: "Mission d’expertise", es: "Misión de expertos"},
	{id: "trainer", parent: "personnel", ko: "강사", en: "Trainer", fr: "Formateur ou formatrice", es: "Formador o formadora"},
	{id: "study_visit", parent: "personnel", ko: "현장 연수", en: "Study visit", fr: "Voyage d’étude", es: "Visita de estudio"},
	{id: "job_shadowing", parent: "personnel", ko: "동행 근무", en: "Job shadowing", fr: "Observation en poste", es: "Aprendizaje por observación"},
	{id: "internship", parent: "personnel", ko: "인턴십", en: "Internship", fr: "Stage", es: "Prácticas"},
	{id: "mentoring", parent: "personnel", ko: "멘토링", en: "Mentoring", fr: "Mentorat", es: "Mentoría"},
	{id: "volunteer", parent: "personnel", ko: "자원봉사", en: "Volunteering", fr: "Bénévolat", es: "Voluntariado"},
	{id: "give", parent: "material", ko: "무상 양도", en: "Gift", fr: "Don", es: "Donación"},
	{id: "lend", parent: "material", ko: "대여", en: "Loan", fr: "Prêt", es: "Préstamo"},
	{id: "share_use", parent: "material", ko: "공동 사용", en: "Shared use", fr: "Usage partagé", es: "Uso compartido"},
	{id: "cost_price", parent: "material", ko: "실비 제공", en: "At cost price", fr: "À prix coûtant", es: "A precio de coste"},
	{id: "training_course", parent: "knowledge", ko: "교육 과정", en: "Training course", fr: "Formation", es: "Curso de formación"},
	{id: "case_documents", parent: "knowledge", ko: "사례 자료", en: "Case documents", fr: "Documents de cas", es: "Documentos de casos"},
	{id: "software", parent: "knowledge", ko: "소프트웨어", en: "Software", fr: "Logiciel", es: "Programas informáticos"},
	{id: "remote_advice", parent: "knowledge", ko: "원격 자문", en: "Remote advice", fr: "Conseil à distance", es: "Asesoramiento a distancia"},
	{id: "joint_research", parent: "knowledge", ko: "공동 연구", en: "Joint research", fr: "Recherche commune", es: "Investigación conjunta"},
	{id: "venue", parent: "space", ko: "행사 장소", en: "Venue", fr: "Salle", es: "Sala"},
	{id: "residency", parent: "space", ko: "체류 공간", en: "Residency", fr: "Résidence", es: "Residencia"},
	{id: "desk", parent: "space", ko: "업무 자리", en: "Desk", fr: "Poste de travail", es: "Puesto de trabajo"},
	{id: "guarantee", parent: "finance", ko: "보증", en: "Guarantee", fr: "Garantie", es: "Garantía"},
	{id: "loan_fund", parent: "finance", ko: "대출 기금", en: "Loan fund", fr: "Fonds de prêt", es: "Fondo de préstamos"},
	{id: "grant_cofunding", parent: "finance", ko: "보조금 공동 부담", en: "Grant co-funding", fr: "Cofinancement de subvention", es: "Cofinanciación de subvención"},
}

var deliveries = []code{
	{id: "on_site", ko: "현장", en: "On site", fr: "Sur place", es: "Presencial"},
	{id: "remote", ko: "원격", en: "Remote", fr: "À distance", es: "A distancia"},
	{id: "hybrid", ko: "현장과 원격", en: "On site and remote", fr: "Sur place et à distance", es: "Presencial y a distancia"},
	{id: "ship", ko: "배송", en: "Shipped", fr: "Expédition", es: "Envío"},
	{id: "pickup", ko: "직접 수령", en: "Picked up", fr: "Retrait sur place", es: "Recogida"},
}

var returns = []code{
	{id: "gift", ko: "무상", en: "Gift", fr: "Don", es: "Donación"},
	{id: "loan", ko: "반환", en: "To be returned", fr: "À rendre", es: "A devolver"},
	{id: "reciprocal", ko: "상호 교환", en: "In return", fr: "Réciproque", es: "Recíproco"},
	{id: "cost_recovery", ko: "실비 보전", en: "Costs covered", fr: "Frais couverts", es: "Costes cubiertos"},
}

var costItems = []code{
	{id: "travel", ko: "교통", en: "Travel", fr: "Voyage", es: "Viaje"},
	{id: "lodging", ko: "숙박", en: "Lodging", fr: "Hébergement", es: "Alojamiento"},
	{id: "shipping", ko: "운송", en: "Shipping", fr: "Transport", es: "Transporte"},
	{id: "insurance", ko: "보험", en: "Insurance", fr: "Assurance", es: "Seguro"},
	{id: "stipend", ko: "활동비", en: "Stipend", fr: "Indemnité", es: "Dieta"},
}

var costBearers = []code{
	{id: "provider", ko: "제공자 부담", en: "Provider pays", fr: "À la charge de qui offre", es: "A cargo de quien ofrece"},
	{id: "receiver", ko: "받는 쪽 부담", en: "Receiver pays", fr: "À la charge de qui reçoit", es: "A cargo de quien recibe"},
	{id: "shared", ko: "나누어 부담", en: "Shared", fr: "Partagé", es: "Compartido"},
	{id: "negotiable", ko: "협의", en: "Negotiable", fr: "À négocier", es: "Negociable"},
	{id: "none", ko: "해당 없음", en: "None", fr: "Aucun", es: "Ninguno"},
}

var interpretations = []code{
	{id: "provider", ko: "제공자가 통역 준비", en: "Provider arranges interpretation", fr: "Interprétation assurée par qui offre", es: "Interpretación a cargo de quien ofrece"},
	{id: "receiver", ko: "받는 쪽이 통역 준비", en: "Receiver arranges interpretation", fr: "Interprétation assurée par qui reçoit", es: "Interpretación a cargo de quien recibe"},
	{id: "none", ko: "통역 없음", en: "No interpretation", fr: "Sans interprétation", es: "Sin interpretación"},
}

var levels = []code{
	{id: "trainee", ko: "입문", en: "Trainee", fr: "Débutant", es: "Principiante"},
	{id: "practitioner", ko: "실무", en: "Practitioner", fr: "Praticien", es: "Profesional"},
	{id: "senior", ko: "숙련", en: "Senior", fr: "Confirmé", es: "Experto"},
}

var scopes = []code{
	{id: "network", ko: "모든 회원", en: "All members", fr: "Tous les membres", es: "Todos los miembros"},
	{id: "continent", ko: "대륙", en: "Continents", fr: "Continents", es: "Continentes"},
	{id: "countries", ko: "나라", en: "Countries", fr: "Pays", es: "Países"},
	{id: "members", ko: "지정한 회원", en: "Chosen members", fr: "Membres choisis", es: "Miembros elegidos"},
}

var visibilities = []code{
	{id: "network", ko: "모든 회원이 읽음", en: "Read by all members", fr: "Lisible par tous les membres", es: "Visible para todos los miembros"},
	{id: "members_list", ko: "지정한 회원만 읽음", en: "Read by chosen members only", fr: "Lisible par les membres choisis", es: "Visible solo para miembros elegidos"},
}

var listingStates = []code{
	{id: "published", ko: "공개됨", en: "Published", fr: "Publiée", es: "Publicada"},
	{id: "paused", ko: "잠시 멈춤", en: "Paused", fr: "En pause", es: "En pausa"},
	{id: "closed", ko: "마감", en: "Closed", fr: "Close", es: "Cerrada"},
}

var closings = []code{
	{id: "withdrawn", ko: "거두어들임", en: "Withdrawn", fr: "Retirée", es: "Retirada"},
	{id: "fulfilled", ko: "이루어짐", en: "Fulfilled", fr: "Satisfaite", es: "Cumplida"},
	{id: "superseded", ko: "다른 글로 대체됨", en: "Superseded", fr: "Remplacée", es: "Sustituida"},
}

var conditions = []code{
	{id: "new", ko: "새것", en: "New", fr: "Neuf", es: "Nuevo"},
	{id: "good", ko: "양호", en: "Good", fr: "Bon état", es: "Buen estado"},
	{id: "repairable", ko: "수리 필요", en: "Needs repair", fr: "À réparer", es: "Reparable"},
}

var goodsCodes = []code{
	{id: "computers", ko: "컴퓨터", en: "Computers", fr: "Ordinateurs", es: "Ordenadores"},
	{id: "network_equipment", ko: "통신 장비", en: "Network equipment", fr: "Équipement réseau", es: "Equipos de red"},
	{id: "office_furniture", ko: "사무 가구", en: "Office furniture", fr: "Mobilier de bureau", es: "Mobiliario de oficina"},
	{id: "vehicles_bicycles", ko: "차량과 자전거", en: "Vehicles and bicycles", fr: "Véhicules et vélos", es: "Vehículos y bicicletas"},
	{id: "tools", ko: "공구", en: "Tools", fr: "Outils", es: "Herramientas"},
	{id: "machinery", ko: "기계", en: "Machinery", fr: "Machines", es: "Maquinaria"},
	{id: "medical_equipment", ko: "의료 장비", en: "Medical equipment", fr: "Matériel médical", es: "Equipo médico"},
	{id: "assistive_devices", ko: "보조기기", en: "Assistive devices", fr: "Aides techniques", es: "Productos de apoyo"},
	{id: "sanitation", ko: "위생 용품", en: "Sanitation", fr: "Hygiène et assainissement", es: "Saneamiento"},
	{id: "school_supplies", ko: "학용품", en: "School supplies", fr: "Fournitures scolaires", es: "Material escolar"},
	{id: "books_media", ko: "책과 자료", en: "Books and media", fr: "Livres et médias", es: "Libros y medios"},
	{id: "toys_sport", ko: "놀이와 체육", en: "Toys and sport", fr: "Jeux et sport", es: "Juguetes y deporte"},
	{id: "kitchen_equipment", ko: "주방 설비", en: "Kitchen equipment", fr: "Équipement de cuisine", es: "Equipos de cocina"},
	{id: "food_dry", ko: "건조 식품", en: "Dry food", fr: "Denrées sèches", es: "Alimentos secos"},
	{id: "seeds_plants", ko: "씨앗과 모종", en: "Seeds and plants", fr: "Semences et plants", es: "Semillas y plantas"},
	{id: "textiles", ko: "섬유와 옷", en: "Textiles", fr: "Textiles", es: "Textiles"},
	{id: "building_materials", ko: "건축 자재", en: "Building materials", fr: "Matériaux de construction", es: "Materiales de construcción"},
	{id: "energy_equipment", ko: "에너지 설비", en: "Energy equipment", fr: "Équipement énergétique", es: "Equipos de energía"},
	{id: "audio_visual", ko: "음향·영상 장비", en: "Audio-visual", fr: "Audiovisuel", es: "Audiovisual"},
	{id: "printing", ko: "인쇄 장비", en: "Printing", fr: "Impression", es: "Impresión"},
	{id: "exhibition", ko: "전시 자재", en: "Exhibition", fr: "Matériel d’exposition", es: "Exposición"},
	{id: "other", ko: "기타", en: "Other", fr: "Autres", es: "Otros"},
}

var restrictedGoods = []code{
	{id: "medicines", ko: "의약품", en: "Medicines", fr: "Médicaments", es: "Medicamentos"},
	{id: "weapons", ko: "무기", en: "Weapons", fr: "Armes", es: "Armas"},
	{id: "unwiped_data_carriers", ko: "지우지 않은 저장 매체", en: "Data carriers not wiped", fr: "Supports de données non effacés", es: "Soportes de datos sin borrar"},
}

// units is a subset of UNECE Recommendation 20 (pallet: Recommendation 21).
var units = []code{
	{id: "C62", ko: "개", en: "pieces", fr: "unités", es: "unidades"},
	{id: "PR", ko: "켤레·쌍", en: "pairs", fr: "paires", es: "pares"},
	{id: "SET", ko: "벌", en: "sets", fr: "lots", es: "juegos"},
	{id: "KGM", ko: "킬로그램", en: "kilograms", fr: "kilogrammes", es: "kilogramos"},
	{id: "TNE", ko: "톤", en: "tonnes", fr: "tonnes", es: "toneladas"},
	{id: "LTR", ko: "리터", en: "litres", fr: "litres", es: "litros"},
	{id: "MTQ", ko: "세제곱미터", en: "cubic metres", fr: "mètres cubes", es: "metros cúbicos"},
	{id: "MTR", ko: "미터", en: "metres", fr: "mètres", es: "metros"},
	{id: "MTK", ko: "제곱미터", en: "square metres", fr: "mètres carrés", es: "metros cuadrados"},
	{id: "HUR", ko: "시간", en: "hours", fr: "heures", es: "horas"},
	{id: "DAY", ko: "일", en: "days", fr: "jours", es: "días"},
	{id: "WEE", ko: "주", en: "weeks", fr: "semaines", es: "semanas"},
	{id: "MON", ko: "개월", en: "months", fr: "mois", es: "meses"},
	{id: "ANN", ko: "년", en: "years", fr: "ans", es: "años"},
	{id: "IE", ko: "명", en: "persons", fr: "personnes", es: "personas"},
	{id: "P1", ko: "퍼센트", en: "percent", fr: "pour cent", es: "por ciento"},
	{id: "BX", ko: "상자", en: "boxes", fr: "boîtes", es: "cajas"},
	{id: "PA", ko: "포", en: "packets", fr: "paquets", es: "paquetes"},
	{id: "XPX", ko: "팔레트", en: "pallets", fr: "palettes", es: "palés"},
	{id: "KWH", ko: "킬로와트시", en: "kilowatt hours", fr: "kilowattheures", es: "kilovatios hora"},
	{id: "KMT", ko: "킬로미터", en: "kilometres", fr: "kilomètres", es: "kilómetros"},
	{id: "E48", ko: "건(서비스)", en: "service units", fr: "unités de service", es: "unidades de servicio"},
	{id: "LH", ko: "노동 시간", en: "labour hours", fr: "heures de travail", es: "horas de trabajo"},
	{id: "ACT", ko: "회(활동)", en: "activities", fr: "activités", es: "actividades"},
}
